import { type Clock, runYielding } from '../clock.ts'
import type { RunRecord } from './run-directory.ts'

/** Runs of one turn of the event loop. */
const SWEEP_RUNS = 500

export interface HolderSweepOptions {
  clock: Clock
  visit(record: RunRecord): void
  onError(error: unknown): void
}

/** Visits all known runs, some in each turn of the event loop, because there may be many. */
export class HolderSweep {
  readonly #options: HolderSweepOptions
  #work: Generator<void> | undefined

  constructor(options: HolderSweepOptions) {
    this.#options = options
  }

  /** Begins anew. */
  start(records: Iterable<RunRecord>): void {
    const { clock, onError } = this.#options
    this.stop()
    this.#work = this.#visitAll(records)
    runYielding(clock, this.#work, onError)
  }

  stop(): void {
    this.#work?.return(undefined)
  }

  *#visitAll(records: Iterable<RunRecord>): Generator<void> {
    let visited = 0
    for (const record of records) {
      this.#options.visit(record)
      visited += 1
      if (visited % SWEEP_RUNS === 0) yield
    }
  }
}
