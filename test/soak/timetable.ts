/** Says how often something is due that happens at a steady rate, counted from its beginning, however late one asks. */
export class Timetable {
  /** What was not done, as the machine stood still for over a second: nothing queues up without bound. */
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
