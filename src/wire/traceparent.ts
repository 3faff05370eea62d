/** Version, trace, parent and flags, as version 00 has them; neither id is all zeros, and version ff is none. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?=$|-)/
/** Of a later version, which may add fields, what is as long as this is read. */
const MAX_LENGTH = 128
const VERSION = '00'
const LENGTH = 55

/**
 * `value` as a `traceparent` of version 00, or undefined where it is none: what only serves tracing is dropped, never
 * an error. Of a later version the four fields that it shares with version 00 are kept.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function traceparentOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH || !TRACEPARENT.test(value)) return undefined
  if (!value.startsWith(VERSION)) return VERSION + value.slice(VERSION.length, LENGTH)
  return value.length === LENGTH ? value : undefined
}

/** What a checked `traceparent` says. */
export interface TraceParent {
  traceId: string
  spanId: string
  flags: number
}

export function readTraceparent(traceparent: string): TraceParent {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  return { traceId, spanId, flags: Number.parseInt(flags, 16) }
}

/** Whether the sender records this trace: bit 0 of the flags. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1
}
