import type { Clock } from '../clock.ts'

const FIRST_MS = 800
const RESET_MS = 120_000

/** Exponential backoff with full jitter: the limit doubles per failure, and a random part of it spreads the Pods. */
export class Backoff {
  readonly #clock: Clock
  #nextMs = FIRST_MS
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Next wait in milliseconds, below `maxMs`. Starts over after two minutes without a failure. */
  next(maxMs: number): number {
    const now = this.#clock.now()
    if (now - this.#lastAt > RESET_MS) this.#nextMs = FIRST_MS
    this.#lastAt = now
    const waitMs = this.#clock.random() * Math.min(this.#nextMs, maxMs)
    this.#nextMs = Math.min(this.#nextMs * 2, maxMs)
    return waitMs
  }
}
