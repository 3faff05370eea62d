import { lowerBound } from '../log/deque.ts'
import { compareRunIds, type RunId } from '../wire/runs.ts'
import type { RunRecord } from './run-directory.ts'

/** Runs in ascending order of their ids, so that a page of them costs no look at all of them. */
export class RunsInOrder {
  #records: RunRecord[] = []
  /** Those of `#records` that were deleted: to move all later ones for each would cost too much. */
  readonly #deleted = new Set<RunRecord>()

  /** Adds a record that is none of them. */
  add(record: RunRecord): void {
    const at = this.#indexAfter(record.id)
    if (at === this.#records.length) this.#records.push(record)
    else this.#records.splice(at, 0, record)
  }

  delete(record: RunRecord): void {
    this.#deleted.add(record)
    if (this.#deleted.size * 2 < this.#records.length) return
    this.#records = this.#records.filter((other) => !this.#deleted.has(other))
    this.#deleted.clear()
  }

  /** At most `max` of them, after this id; `''`: from the first one on. */
  after(id: RunId | '', max: number): RunRecord[] {
    const page: RunRecord[] = []
    for (
      let at = id === '' ? 0 : this.#indexAfter(id);
      at < this.#records.length && page.length < max;
      at += 1
    ) {
      const record = this.#records[at] as RunRecord
      if (!record.isForgotten && !this.#deleted.has(record)) page.push(record)
    }
    return page
  }

  #indexAfter(id: RunId): number {
    const records = this.#records
    return lowerBound(records.length, (place) => compareRunIds((records[place] as RunRecord).id, id) > 0)
  }
}
