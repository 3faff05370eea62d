import type { Clock } from '../clock.ts'
import { describe } from '../errors.ts'
import { printable } from '../printable.ts'
import type { ErrorContext, OnError } from './error-reporter.ts'

/** So many are remembered, and so much of what each says, in UTF-16 units. */
const MAX_ERRORS = 20
const MESSAGE_LENGTH = 500
/** Anybody who reaches the internal port can be refused there: these leave room for the others. */
const MAX_REFUSALS = 5

/** A fault that was met. */
export interface RecentError extends ErrorContext {
  message: string
  /** How long ago, in milliseconds. */
  ageMs: number
}

/** The last errors, for whoever comes to look. */
export class RecentErrors {
  readonly #clock: Clock
  readonly #errors: (ErrorContext & { message: string; at: number })[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Hears of a fault before `next` does. */
  before(next: OnError | undefined): OnError {
    return (error, context) => {
      const message = printable(describe(error).slice(0, MESSAGE_LENGTH))
      if (context.stage === 'receive') this.#forgetRefusal()
      this.#errors.push({ ...context, message, at: this.#clock.now() })
      if (this.#errors.length > MAX_ERRORS) this.#errors.shift()
      next?.(error, context)
    }
  }

  /** Makes room for one more request that was refused. */
  #forgetRefusal(): void {
    const refusals = this.#errors.filter(({ stage }) => stage === 'receive')
    const [oldest] = refusals
    if (oldest !== undefined && refusals.length >= MAX_REFUSALS)
      this.#errors.splice(this.#errors.indexOf(oldest), 1)
  }

  /** The latest first. */
  list(): RecentError[] {
    const now = this.#clock.now()
    return this.#errors.map(({ at, ...fault }) => ({ ...fault, ageMs: now - at })).reverse()
  }
}
