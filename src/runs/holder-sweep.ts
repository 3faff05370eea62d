import type { Clock } from '../clock.ts'
import type { RunRecord } from './run-directory.ts'

/** Runs of one turn of the event loop. */
const SWEEP_RUNS = 500

/** Visits all known runs, some in each turn of the event loop, because there may be many. */
export class HolderSweep {
  readonly #clock: Clock
  readonly #visit: (record: RunRecord) => void
  #cancel: (() => void) | undefined

  constructor(clock: Clock, visit: (record: RunRecord) => void) {
    this.#clock = clock
    this.#visit = visit
  }

  /** Begins anew. */
  start(records: Iterable<RunRecord>): void {
    this.#cancel?.()
    this.#go(records[Symbol.iterator]())
  }

  stop(): void {
    this.#cancel?.()
  }

  #go(records: Iterator<RunRecord>): void {
    for (let i = 0; i < SWEEP_RUNS; i += 1) {
      const next = records.next()
      if (next.done) return
      this.#visit(next.value)
    }
    this.#cancel = this.#clock.after(0, () => this.#go(records))
  }
}
