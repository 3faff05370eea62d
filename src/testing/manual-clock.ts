import { type Clock, systemClock } from '../clock.ts'

/** Options of {@link ManualClock}. */
export interface ManualClockOptions {
  /**
   * Random numbers from 0 up to, not including, 1: jitter of retries, heartbeats and reconnection times.
   * @default random numbers of the machine
   */
  random?: (() => number) | undefined
  /**
   * Waits until all that a timer has begun is done.
   * @default some turns of the event loop
   */
  settle?: (() => Promise<void>) | undefined
}

/** Time that passes only in {@link ManualClock.advance}: for test runners without fake timers. */
export class ManualClock implements Clock {
  readonly random: () => number
  readonly #settle: () => Promise<void>
  readonly #timers = new Set<{ dueAt: number; callback: () => void }>()
  #now = 1_000

  constructor({ random = systemClock.random, settle = someTurns }: ManualClockOptions = {}) {
    this.random = random
    this.#settle = settle
  }

  /** Number of pending timers. */
  get timers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { dueAt: this.#now + Math.max(0, ms), callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets `ms` milliseconds pass: each timer fires at its time, and all that it begins is done before the next one. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.#settle()
    while (await this.#fireNext(end));
    this.#now = end
  }

  /** Lets time pass until `condition` holds. @throws Error after `ms` milliseconds; `label` names the condition in it. */
  async until(label: string, condition: () => boolean, ms = 60_000): Promise<void> {
    const end = this.#now + ms
    await this.#settle()
    while (!condition()) {
      if (!(await this.#fireNext(end))) throw new Error(`Waited ${ms} ms of virtual time in vain: ${label}`)
    }
  }

  /** Fires the next timer that is due by `end`; false if there is none. */
  async #fireNext(end: number): Promise<boolean> {
    let next: { dueAt: number; callback: () => void } | undefined
    // Of timers that are due at once, the one that was set first fires first: a Set keeps that order.
    for (const timer of this.#timers) if (next === undefined || timer.dueAt < next.dueAt) next = timer
    if (next === undefined || next.dueAt > end) return false
    this.#timers.delete(next)
    this.#now = Math.max(this.#now, next.dueAt)
    next.callback()
    await this.#settle()
    return true
  }
}

/** A turn of the event loop comes only after all that is under way in promises; signatures take another. */
async function someTurns(): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1)
    await new Promise<void>((resolve) => systemClock.after(0, resolve))
}
