import type { Clock } from '../../src/clock.ts'
import { SEED, seededRandom } from '../fixtures/messages.ts'

/** Time that passes only when it is told to, without a turn of the event loop: a million inputs have no time for one. */
export class StepClock implements Clock {
  readonly random: () => number = seededRandom(SEED)
  readonly #timers = new Set<{ at: number; callback: () => void }>()
  #now = 1_000

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Timers that are set and not called off. */
  get timers(): number {
    return this.#timers.size
  }

  /** Lets `ms` milliseconds pass, and what is due in them happen. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settleMicrotasks()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await settleMicrotasks()
    }
    this.#now = end
  }

  /** Goes somewhere else at once, as a clock that was set does, and rings nothing. */
  jump(ms: number): void {
    this.#now += ms
  }

  #next(end: number): { at: number; callback: () => void } | undefined {
    let next: { at: number; callback: () => void } | undefined
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer
    return next !== undefined && next.at <= end ? next : undefined
  }
}

/** What promises have under way is done after some rounds; more than any chain here is long. */
async function settleMicrotasks(): Promise<void> {
  for (let rounds = 0; rounds < 12; rounds += 1) await undefined
}
