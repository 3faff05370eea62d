import type { Clock } from '../clock.ts'
import { describe } from '../errors.ts'
import type { FaultContext, OnError } from '../faults.ts'

/** So many are remembered, and so much of what each says, in UTF-16 units. */
const MOST = 20
const MESSAGE_LENGTH = 500

/** A fault that was met. */
export interface RecentFault extends FaultContext {
  message: string
  /** How long ago, in milliseconds. */
  ageMs: number
}

/** The last faults, for whoever comes to look. */
export class RecentFaults {
  readonly #clock: Clock
  readonly #faults: (FaultContext & { message: string; at: number })[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Hears of a fault before `next` does. */
  before(next: OnError | undefined): OnError {
    return (error, context) => {
      const message = describe(error).slice(0, MESSAGE_LENGTH)
      this.#faults.push({ ...context, message, at: this.#clock.now() })
      if (this.#faults.length > MOST) this.#faults.shift()
      next?.(error, context)
    }
  }

  /** The latest first. */
  list(): RecentFault[] {
    const now = this.#clock.now()
    return this.#faults.map(({ at, ...fault }) => ({ ...fault, ageMs: now - at })).reverse()
  }
}
