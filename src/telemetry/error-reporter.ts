import type { Clock } from '../clock.ts'
import { describe, type SserError, type SserErrorCode } from '../errors.ts'
import { printable } from '../printable.ts'
import type { Logging } from './logging.ts'

/** Background work in which an error occurred. */
export type ErrorStage =
  | 'append'
  | 'receive'
  | 'initial-sync'
  | 'peer-finder'
  | 'deliver'
  | 'authorize'
  | 'run'

/** Context of an error, for {@link OnError}. */
export interface ErrorContext {
  /** Background work in which the error occurred. */
  stage: ErrorStage
  /** Address of the peer, as `address:port`. */
  peer?: string
}

/** Receives background errors, which no caller waits for. An error that it throws is ignored. */
export type OnError = (error: unknown, context: ErrorContext) => void

/** Counts rejected requests and background errors, and passes errors to `onError`: background work never throws. */
export class ErrorReporter {
  readonly counts: Record<ErrorStage, number> = {
    append: 0,
    receive: 0,
    'initial-sync': 0,
    'peer-finder': 0,
    deliver: 0,
    authorize: 0,
    run: 0,
  }
  /** Number of rejected requests and messages of clients and peers, by error code. */
  readonly rejected: Partial<Record<SserErrorCode, number>> = {}
  readonly #onError: OnError | undefined
  readonly #logging: Logging | undefined

  constructor(onError?: OnError, logging?: Logging) {
    this.#onError = onError
    this.#logging = logging
  }

  /** Counts a rejected request or message. */
  countRejected(code: SserErrorCode): void {
    this.rejected[code] = (this.rejected[code] ?? 0) + 1
  }

  /** Counts a rejected request of a peer, and reports it once a minute for each address `peer`. */
  reportRejected(error: SserError, peer: string | undefined): void {
    const context = { stage: 'receive', ...(peer !== undefined && { peer }) } as const
    this.countRejected(error.code)
    this.counts.receive += 1
    if (this.#logging?.backgroundError(error, context) !== false) this.#notify(error, context)
  }

  /** Counts and reports an error. `isBrief`: it is not logged, because it can be over at once. */
  report(error: unknown, context: ErrorContext, { isBrief = false }: { isBrief?: boolean } = {}): void {
    this.counts[context.stage] += 1
    if (!isBrief) this.#logging?.backgroundError(error, context)
    this.#notify(error, context)
  }

  #notify(error: unknown, context: ErrorContext): void {
    try {
      this.#onError?.(error, context)
    } catch {
      // An error of the callback must not end the link or the delivery.
    }
  }

  /** A peer accepts events, for the first time or again after failures. */
  recovered(peer: string): void {
    this.#logging?.peerRecovered(peer)
  }

  /** The list of peers has a peer no more. */
  removed(peer: string): void {
    this.#logging?.peerRemoved(peer)
  }
}

/** Maximum number of errors, and maximum length of a message in UTF-16 units. */
const MAX_ERRORS = 20
const MAX_MESSAGE_LENGTH = 500
/**
 * Maximum number of rejected requests among them, because every client that reaches the internal port can cause these.
 */
const MAX_REJECTIONS = 5

/** A background error. */
export interface RecentError extends ErrorContext {
  message: string
  /** Age in milliseconds. */
  ageMs: number
}

/** The last background errors, for the debug page. */
export class RecentErrors {
  readonly #clock: Clock
  readonly #errors: (ErrorContext & { message: string; at: number })[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns a callback that records an error, and then calls `next`. */
  before(next: OnError | undefined): OnError {
    return (error, context) => {
      const message = printable(describe(error).slice(0, MAX_MESSAGE_LENGTH))
      if (context.stage === 'receive') this.#evictRejection()
      this.#errors.push({ ...context, message, at: this.#clock.now() })
      if (this.#errors.length > MAX_ERRORS) this.#errors.shift()
      next?.(error, context)
    }
  }

  /** Removes the oldest rejected request if there are {@link MAX_REJECTIONS}. */
  #evictRejection(): void {
    const rejections = this.#errors.filter(({ stage }) => stage === 'receive')
    const [oldest] = rejections
    if (oldest !== undefined && rejections.length >= MAX_REJECTIONS)
      this.#errors.splice(this.#errors.indexOf(oldest), 1)
  }

  /** The latest error first. */
  list(): RecentError[] {
    const now = this.#clock.now()
    return this.#errors.map(({ at, ...fault }) => ({ ...fault, ageMs: now - at })).reverse()
  }
}
