import type { Clock } from '../clock.ts'
import { describe } from '../errors.ts'
import { printable } from '../printable.ts'
import type { ErrorContext, OnError } from './error-reporter.ts'

/** Maximum number of errors, and maximum length of a message in UTF-16 units. */
const MAX_ERRORS = 20
const MAX_MESSAGE_LENGTH = 500
/** Maximum number of rejected requests among them, because anyone who reaches the internal port can cause these. */
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
