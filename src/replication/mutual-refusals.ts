import type { Log } from '../log/log.ts'

/**
 * Sends clients a gap while this Pod and a peer refuse each other, for example because only one of them has the
 * `peerSecret`: neither gets the other's events, so neither knows which ones its clients lack.
 */
export class MutualRefusals {
  readonly #log: Log
  #reportedAt: number | undefined

  constructor(log: Log) {
    this.#log = log
  }

  /** Called at each beat. Gaps are due when the refusals begin, after each `logMaxAgeMs` of them, and when they end. */
  check(isRefused: boolean, now: number): void {
    const isOver = !isRefused && this.#reportedAt !== undefined
    if (isRefused || isOver) this.#log.losses.onRefusal(now)
    const isDue = isRefused && now - (this.#reportedAt ?? Number.NEGATIVE_INFINITY) >= this.#log.maxAgeMs
    if (isDue || isOver) this.#log.appendLoss(now)
    if (isDue) this.#reportedAt = now
    if (isOver) this.#reportedAt = undefined
  }
}
