/** Counts how often an action at a steady rate is due, from its start, however late the caller asks. */
export class Timetable {
  /** Actions dropped because the machine was paused for over a second, so that no queue grows without bound. */
  skipped = 0
  readonly #perSecond: number
  readonly #since: number
  #passed = 0

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#since = now
  }

  /** How often it is due now, since it was last asked: at most a second's worth. */
  due(now: number): number {
    const missing = Math.floor(((now - this.#since) * this.#perSecond) / 1_000) - this.#passed
    const count = Math.min(missing, this.#perSecond)
    this.#passed += missing
    this.skipped += missing - count
    return count
  }
}
