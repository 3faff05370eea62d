import { SserError } from '../errors.ts'

/** A peer answered with an HTTP status that is no success. */
export class StatusError extends SserError {
  /** The status of the answer. `status` of a `peer-failed` is that of an answer to a request here. */
  readonly answered: number

  constructor(status: number, message = `answered ${status}`) {
    super('peer-failed', message)
    this.answered = status
  }
}

/**
 * Whether a failed request says only that the peer is not there: no answer, a 5xx, or a 421 of another Pod at its
 * address. Anything else is a refusal, which time does not cure.
 */
export function isAbsent(error: unknown): boolean {
  if (error instanceof StatusError) return error.answered === 421 || error.answered >= 500
  return !(error instanceof SserError) || error.code === 'peer-failed'
}

/**
 * Whether the peer and this Pod refuse each other: it does not take this Pod's signature, or its answer is not signed,
 * or it speaks only v1, which this Pod does not take.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof StatusError && [200, 401, 404].includes(error.answered)
}
