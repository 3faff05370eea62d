import { Deque } from '../log/deque.ts'
import type { Outcome } from './receipt.ts'

/** Those who wait for news of this Pod's own events at one peer, in the order of the events. */
export class Waiters {
  readonly #waiters = new Deque<{ seq: number; settle: (outcome: Outcome) => void }>()

  add(seq: number, settle: (outcome: Outcome) => void): void {
    this.#waiters.push({ seq, settle })
  }

  /** Tells all who wait for an event up to `seq`. */
  settleUpTo(seq: number, outcome: Outcome): void {
    for (let next = this.#waiters.at(0); next !== undefined && next.seq <= seq; next = this.#waiters.at(0)) {
      this.#waiters.shift()
      next.settle(outcome)
    }
  }

  settleAll(outcome: Outcome): void {
    this.settleUpTo(Number.POSITIVE_INFINITY, outcome)
  }
}
