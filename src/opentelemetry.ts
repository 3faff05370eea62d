import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { describe } from './errors.ts'
import type { TracedReceipt, Tracing, TracingSpan } from './telemetry/tracing.ts'
import { parseTraceparent } from './wire/traceparent.ts'

/** Options of {@link openTelemetryTracing}. */
export interface OpenTelemetryOptions {
  /**
   * Tracer of the spans.
   * @default the tracer `sser` of the global tracer provider, also of one that is registered later
   */
  tracer?: Tracer | undefined
  /**
   * Adds the stream to spans, as `messaging.destination.name` and in their names. Off by default, because streams are
   * often named after users or orders, which few apps want in their traces. Default: false.
   */
  streamNames?: boolean | undefined
}

/**
 * Traces events from `send()` on one Pod to the connections of all, for the option `tracing`: a PRODUCER span for each
 * send, a CLIENT span for each request to a peer that carries sampled events, linked to all of them, and a CONSUMER span
 * for each sampled event on each Pod that delivers it. Its parent is the span of the send.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
export function openTelemetryTracing(options: OpenTelemetryOptions = {}): Tracing {
  const { tracer = trace.getTracer('sser'), streamNames = false } = options
  const begin = (
    operation: string,
    kind: SpanKind,
    parent: Context,
    attributes: Attributes,
    stream?: string,
    links?: readonly SpanContext[],
  ): Span =>
    tracer.startSpan(
      streamNames && stream !== undefined ? `${operation} ${stream}` : operation,
      {
        kind,
        links: links?.map((linked) => ({ context: linked })) ?? [],
        attributes: {
          'messaging.system': 'sser',
          'messaging.operation.name': operation,
          ...(streamNames && stream !== undefined && { 'messaging.destination.name': stream }),
          ...attributes,
        },
      },
      parent,
    )

  return {
    send({ stream, traceparent }) {
      const parent = traceparent === undefined ? context.active() : remote(spanContextOf(traceparent))
      const span = begin('send', SpanKind.PRODUCER, parent, { 'messaging.operation.type': 'send' }, stream)
      return {
        traceparent: printTraceparent(span.spanContext()),
        end: (receipt: TracedReceipt) => {
          span.setAttributes(receiptAttributes(receipt))
          span.end()
        },
        fail: (error) => fail(span, error),
      }
    },
    append({ peer, events, traceparents }) {
      const contexts = traceparents.map(spanContextOf)
      const colon = peer.lastIndexOf(':')
      const attributes = {
        'messaging.operation.type': 'send',
        'messaging.batch.message_count': events,
        'server.address': peer.slice(0, colon),
        'server.port': Number(peer.slice(colon + 1)),
      }
      // In the first one's trace: a trace of its own would be sampled by chance, and the links lead nowhere.
      const parent = remote(contexts[0] as SpanContext)
      return ending(begin('append', SpanKind.CLIENT, parent, attributes, undefined, contexts))
    },
    deliver({ stream, id, traceparent, connections }) {
      const attributes = {
        'messaging.operation.type': 'process',
        'messaging.message.id': id,
        'sser.connections': connections,
      }
      const parent = remote(spanContextOf(traceparent))
      return ending(begin('deliver', SpanKind.CONSUMER, parent, attributes, stream))
    },
  }
}

function ending(span: Span): TracingSpan {
  return { end: () => span.end(), fail: (error) => fail(span, error) }
}

function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: describe(error) })
  span.setAttribute('error.type', errorType(error))
  span.end()
}

function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  if (typeof code === 'string') return code
  return typeof name === 'string' ? name : '_OTHER'
}

function receiptAttributes({ id, duplicate, connections, peers }: TracedReceipt): Attributes {
  const count = (status: string) => peers.filter((peer) => peer.status === status).length
  return {
    'messaging.message.id': id,
    'sser.duplicate': duplicate,
    'sser.connections': connections,
    'sser.peers.delivered': count('delivered'),
    'sser.peers.pending': count('pending'),
    'sser.peers.failed': count('failed'),
  }
}

function remote(spanContext: SpanContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, spanContext)
}

function spanContextOf(traceparent: string): SpanContext {
  const { traceId, spanId, flags } = parseTraceparent(traceparent)
  return { traceId, spanId, traceFlags: flags, isRemote: true }
}

function printTraceparent(spanContext: SpanContext): string | undefined {
  if (!isSpanContextValid(spanContext)) return undefined
  const { traceId, spanId, traceFlags } = spanContext
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}
