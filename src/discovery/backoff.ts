import type { Clock } from '../clock.ts'

const FIRST_MS = 800
const RESET_MS = 120_000

/** How long to wait after one failure more: twice as long each time, and a random part of it, so that Pods part. */
export class Backoff {
  readonly #clock: Clock
  #nextMs = FIRST_MS
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The next wait, in milliseconds; after two minutes without a failure it is a short one again. */
  next(mostMs: number): number {
    const now = this.#clock.now()
    if (now - this.#lastAt > RESET_MS) this.#nextMs = FIRST_MS
    this.#lastAt = now
    const waitMs = this.#clock.random() * Math.min(this.#nextMs, mostMs)
    this.#nextMs = Math.min(this.#nextMs * 2, mostMs)
    return waitMs
  }
}
