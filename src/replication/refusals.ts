import type { Log } from '../log/log.ts'

/**
 * Tells clients of a gap while this Pod and a peer refuse each other, as where one has the `peerSecret` and the other does
 * not: neither gets the other's events, so neither can say which ones its clients lack.
 */
export class Refusals {
  readonly #log: Log
  #toldAt: number | undefined

  constructor(log: Log) {
    this.#log = log
  }

  /** To be called once a tick. Gaps are told when the refusals begin, after each AGE that they last, and when they are over. */
  check(isRefused: boolean, now: number): void {
    const isOver = !isRefused && this.#toldAt !== undefined
    if (isRefused || isOver) this.#log.refusedAt = now
    const isDue = isRefused && now - (this.#toldAt ?? Number.NEGATIVE_INFINITY) >= this.#log.maxAgeMs
    if (isDue || isOver) this.#log.appendLoss(now)
    if (isDue) this.#toldAt = now
    if (isOver) this.#toldAt = undefined
  }
}
