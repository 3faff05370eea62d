import { traceparentOf } from '../wire/traceparent.ts'

/** One piece of work that is traced. Exactly one of the two is called, once. */
export interface TracingSpan<Result = void> {
  end(result: Result): void
  fail(error: unknown): void
}

/** What became of a send: of the receipt, what a trace can show. */
export interface TracedReceipt {
  readonly id: string
  readonly duplicate: boolean
  readonly connections: number
  readonly peers: readonly { readonly status: string }[]
}

/** A `send()` that is traced. */
export interface SendSpan extends TracingSpan<TracedReceipt> {
  /** What travels with the event: the `traceparent` that this span is to its deliveries. */
  readonly traceparent: string | undefined
}

/** What a send is begun with. */
export interface TracedSend {
  readonly stream: string
  /** The caller's, where it gave one that is well-formed. */
  readonly traceparent: string | undefined
}

/** One request to a peer that carries events whose traces are sampled. */
export interface TracedAppend {
  /** The peer, as `address:port`. */
  readonly peer: string
  /** Events in the request, those without a trace included. */
  readonly events: number
  /** Those of its first 128 sampled events; never empty. */
  readonly traceparents: readonly string[]
}

/** One event whose trace is sampled, on its way to the connections of this Pod. */
export interface TracedDelivery {
  readonly stream: string
  /** The event's id, as its receipt has it. */
  readonly id: string
  readonly traceparent: string
  /** Connections that listen on the stream here; never 0. */
  readonly connections: number
}

/**
 * Follows events through the fleet; `openTelemetryTracing()` from `sser/opentelemetry` is one. What it throws is
 * dropped: tracing never breaks sending.
 */
export interface Tracing {
  send(send: TracedSend): SendSpan
  append(append: TracedAppend): TracingSpan
  deliver(delivery: TracedDelivery): TracingSpan
}

/** What `work` returns, or undefined when it throws. */
export function quietly<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** Sends, in a span of its own; the event takes that span's `traceparent` along. */
export async function traceSend<T extends TracedReceipt>(
  tracing: Tracing,
  traced: TracedSend,
  send: (traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  const span = quietly(() => tracing.send(traced))
  try {
    const receipt = await send(traceparentOf(span === undefined ? traced.traceparent : span.traceparent))
    quietly(() => span?.end(receipt))
    return receipt
  } catch (error) {
    quietly(() => span?.fail(error))
    throw error
  }
}
