import { SserError } from '../errors.ts'

/** A peer responded with an HTTP status other than success. */
export class PeerStatusError extends SserError {
  /** Status of the peer's response. `status`, which every SserError has, is that of a response of this Pod. */
  readonly received: number

  constructor(status: number, message = `answered ${status}`) {
    super('peer-failed', message)
    this.received = status
  }
}

/** A peer did not respond in time, and may respond later: it may hang, or its network may drop packets. */
export class PeerTimeoutError extends SserError {
  constructor(timeoutMs: number) {
    super('peer-failed', `no answer within ${timeoutMs} ms`)
  }
}

/** Codes of Node and Bun for a port that no process listens on, and for a name that DNS does not know. */
const ABSENT: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ConnectionRefused', 'ENOTFOUND'])

/** Whether a request failed because nothing runs at the peer's address, as before a Pod of a fixed list is started. */
export function isAbsent(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1)
    if (ABSENT.has((cause as { code?: unknown }).code)) return true
  return false
}

/**
 * Whether a failed request says only that the peer is unavailable: no response, a 5xx, or a 421 of another Pod at its
 * address. Any other failure is a refusal, which no retry cures.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof PeerStatusError) return error.received === 421 || error.received >= 500
  return !(error instanceof SserError) || error.code === 'peer-failed'
}

/**
 * Whether the peer and this Pod refuse each other: the peer rejects this Pod's signature, its response is not signed,
 * or it speaks v1 alone, which this Pod does not accept.
 */
export function isMutualRefusal(error: unknown): boolean {
  return error instanceof PeerStatusError && [200, 401, 404].includes(error.received)
}
