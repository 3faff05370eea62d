import { normalizeTraceparent } from '../wire/traceparent.ts'

/** Span of one operation. Exactly one of the two methods is called, once. */
export interface TracingSpan<Result = void> {
  end(result: Result): void
  fail(error: unknown): void
}

/** Result of a send: the fields of the receipt that a trace has. */
export interface TracedReceipt {
  readonly id: string
  readonly duplicate: boolean
  readonly connections: number
  readonly peers: readonly { readonly status: string }[]
}

/** Span of a `send()`. */
export interface SendSpan extends TracingSpan<TracedReceipt> {
  /** The `traceparent` of this span, which travels with the event to its deliveries. */
  readonly traceparent: string | undefined
}

/** Arguments of a send. */
export interface TracedSend {
  readonly stream: string
  /** The `traceparent` of the caller, if it is valid. */
  readonly traceparent: string | undefined
}

/** One request to a peer that has sampled events. */
export interface TracedAppend {
  /** The peer, as `address:port`. */
  readonly peer: string
  /** Events in the request, events without a trace included. */
  readonly events: number
  /** The `traceparent`s of the first 128 sampled events; never empty. */
  readonly traceparents: readonly string[]
}

/** Delivery of one sampled event to the connections of this Pod. */
export interface TracedDelivery {
  readonly stream: string
  /** The event's id, as its receipt has it. */
  readonly id: string
  readonly traceparent: string
  /** Number of connections of this Pod on the stream; never 0. */
  readonly connections: number
}

/**
 * Traces events through the fleet; `openTelemetryTracing()` from `sser/opentelemetry` implements it. Errors that it
 * throws are ignored, so that tracing never breaks a send.
 */
export interface Tracing {
  send(send: TracedSend): SendSpan
  append(append: TracedAppend): TracingSpan
  deliver(delivery: TracedDelivery): TracingSpan
}

/** Calls `work`; returns undefined where it throws. */
export function quietly<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** Begins the span of a send. Its methods never throw, and its `traceparent` is valid. */
export function startSend(tracing: Tracing, traced: TracedSend): SendSpan {
  const span = quietly(() => tracing.send(traced))
  return {
    traceparent: normalizeTraceparent(span === undefined ? traced.traceparent : span.traceparent),
    end: (receipt) => void quietly(() => span?.end(receipt)),
    fail: (error) => void quietly(() => span?.fail(error)),
  }
}
