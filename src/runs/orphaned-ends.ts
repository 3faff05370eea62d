import { UniqueQueue } from '../log/unique-queue.ts'
import type { RunEnd, RunId } from '../wire/runs.ts'

interface OrphanedEnd {
  readonly end: RunEnd
  readonly endedAt: number
}

/** Ends of runs that this Pod does not know yet, `max` at most. */
export class OrphanedEnds {
  readonly #max: number
  readonly #ends = new Map<RunId, OrphanedEnd>()
  readonly #ids = new UniqueQueue<RunId>()

  constructor(max: number) {
    this.#max = max
  }

  /** Keeps the first end of a run, and forgets the oldest one where there are too many. */
  add(id: RunId, end: RunEnd, endedAt: number): void {
    if (this.#ends.has(id)) return
    const { oldest } = this.#ids
    if (this.#ends.size >= this.#max && oldest !== undefined) this.#delete(oldest)
    this.#ends.set(id, { end, endedAt })
    this.#ids.add(id)
  }

  /** Removes the end of a run that has become known, and returns it. */
  take(id: RunId): OrphanedEnd | undefined {
    const orphan = this.#ends.get(id)
    if (orphan !== undefined) this.#delete(id)
    return orphan
  }

  /** Forgets the ends of this time, and earlier ones. */
  expire(endedAt: number): void {
    for (const [id, orphan] of this.#ends) if (orphan.endedAt <= endedAt) this.#delete(id)
  }

  #delete(id: RunId): void {
    this.#ends.delete(id)
    this.#ids.delete(id)
  }
}
