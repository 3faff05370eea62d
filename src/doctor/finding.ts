/** What stands in the way, as a stable word that scripts may compare. */
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

/** One check. `fail` has a cause; `unknown` could not be judged, and stands in nobody's way. */
export interface Finding {
  check: string
  verdict: 'pass' | 'fail' | 'unknown'
  cause?: Cause
  /** What was seen, and measured; for a fault, what it comes of. */
  says: string
}

export function pass(check: string, says: string): Finding {
  return { check, verdict: 'pass', says }
}

export function fail(check: string, cause: Cause, says: string): Finding {
  return { check, verdict: 'fail', cause, says }
}

export function unknown(check: string, says: string): Finding {
  return { check, verdict: 'unknown', says }
}

/** Milliseconds as people read them. */
export function time(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

const MAX_SHOWN = 200

/** What a server has said, safe to print: one line, short, and nothing that a terminal would obey. */
export function shown(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line
}
