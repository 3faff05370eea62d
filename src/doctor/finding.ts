/** The problem behind a failed check, as a stable word that scripts may compare. */
export type Cause =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'certificate'
  | 'tls'
  | 'no-answer'
  | 'no-http'
  | 'redirect'
  | 'redirect-loop'
  | 'credentials'
  | 'not-found'
  | 'bad-gateway'
  | 'unavailable'
  | 'gateway-timeout'
  | 'no-retry'
  | 'refused-by-sser'
  | 'status'
  | 'not-sser'
  | 'not-ready'
  | 'draining'
  | 'content-type'
  | 'cache-control'
  | 'compressed'
  | 'slow'
  | 'buffered'
  | 'delayed'
  | 'silent'
  | 'cached'
  | 'last-event-id'
  | 'one-at-a-time'
  | 'bursts'
  | 'idle-cut'
  | 'length-cut'
  | 'cut'
  | 'no-http2'

/** The result of one check. */
export interface Finding {
  check: string
  /** `unknown`: the check gave no result, or does not apply. It does not change the exit code. */
  verdict: 'pass' | 'fail' | 'unknown'
  /** Set if the verdict is `fail`. */
  cause?: Cause
  /** The observation with its measured times; for a failure, the explanation as well. */
  message: string
}

export function pass(check: string, message: string): Finding {
  return { check, verdict: 'pass', message }
}

export function fail(check: string, cause: Cause, message: string): Finding {
  return { check, verdict: 'fail', cause, message }
}

export function unknown(check: string, message: string): Finding {
  return { check, verdict: 'unknown', message }
}

/** Formats milliseconds for people. */
export function formatMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

const MAX_TEXT_LENGTH = 200

/** Makes text from a server safe to print: one short line without control and format characters. */
export function sanitize(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim()
  return line.length > MAX_TEXT_LENGTH ? `${line.slice(0, MAX_TEXT_LENGTH)}…` : line
}
