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
