/** Version, trace id, parent id and flags, as in version 00; an id of zeros and the version ff are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?=$|-)/
/** Maximum length of a later version, which may add fields. */
const MAX_LENGTH = 128
const VERSION = '00'
const LENGTH = 55

/**
 * Returns `value` as a `traceparent` of version 00, or undefined where it is invalid, because tracing must not cause
 * errors. Of a later version it keeps the four fields that version 00 has.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function normalizeTraceparent(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH || !TRACEPARENT.test(value)) return undefined
  if (!value.startsWith(VERSION)) return VERSION + value.slice(VERSION.length, LENGTH)
  return value.length === LENGTH ? value : undefined
}

/** Fields of a valid `traceparent`. */
export interface TraceParent {
  traceId: string
  spanId: string
  flags: number
}

export function parseTraceparent(traceparent: string): TraceParent {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  return { traceId, spanId, flags: Number.parseInt(flags, 16) }
}

/** Returns whether the sender records this trace: bit 0 of the flags. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1
}
