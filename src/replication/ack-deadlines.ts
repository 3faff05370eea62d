import type { Clock } from '../clock.ts'
import { Deque } from '../log/deque.ts'

/** The time at which one call stops to wait. */
export interface AckDeadline {
  readonly at: number
  /** Undefined: the call waits no longer. */
  expire: (() => void) | undefined
}

/**
 * The deadlines of the calls of `send()` that wait for acknowledgements. They share one timer, because all have the same timeout
 * and few reach it: a timer for each would cost as much as the rest of its receipt.
 */
export class AckDeadlines {
  readonly #clock: Clock
  readonly timeoutMs: number
  /** In the order of their times. */
  readonly #deadlines = new Deque<AckDeadline>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.timeoutMs = timeoutMs
  }

  /** Calls `expire` after the timeout. */
  add(expire: () => void): AckDeadline {
    const deadline = { at: this.#clock.now() + this.timeoutMs, expire }
    this.#deadlines.push(deadline)
    if (this.#cancel === undefined) this.#wake(this.timeoutMs)
    return deadline
  }

  /** The call of a deadline is over. */
  remove(deadline: AckDeadline): void {
    deadline.expire = undefined
    this.#removeOld()
  }

  stop(): void {
    this.#cancel?.()
  }

  /** Removes the deadlines at the front that nothing waits for; returns the next one. */
  #removeOld(): AckDeadline | undefined {
    const deadlines = this.#deadlines
    let first = deadlines.at(0)
    for (; first !== undefined && first.expire === undefined; first = deadlines.at(0)) deadlines.shift()
    return first
  }

  #wake(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => this.#onTime())
  }

  #onTime(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (let first = this.#removeOld(); first !== undefined; first = this.#removeOld()) {
      if (first.at > now) return this.#wake(first.at - now)
      const { expire } = first
      first.expire = undefined
      expire?.()
    }
  }
}
