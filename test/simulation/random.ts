import { seededRandom } from '../support/messages.ts'

/** Seeded random numbers: the same seed gives the same run. */
export class Random {
  /** From 0 up to, not including, 1. */
  readonly next: () => number

  constructor(seed: number) {
    this.next = seededRandom(seed)
  }

  /** A whole number, both ends included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(entries: readonly T[]): T {
    return entries[Math.floor(this.next() * entries.length)] as T
  }
}
