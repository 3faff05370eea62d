import { compareRunIds, type RunId } from '../wire/runs.ts'
import type { RunRecord } from './run-directory.ts'

/** Maximum number of known runs of one name: each of them makes a look at the name slower. */
export const MAX_RUNS_OF_NAME = 1_000

/** The known runs of one name. */
export class RunsOfName {
  readonly #records = new Map<RunId, RunRecord>()
  /** Number of records that take the place of the run with this id. */
  readonly #replacements = new Map<RunId, number>()
  readonly #left = new Set<RunRecord>()

  get size(): number {
    return this.#records.size
  }

  /** The runs that no other run replaces. There are few of them, however often the name was replaced. */
  get left(): Iterable<RunRecord> {
    return this.#left
  }

  /** All of them. */
  values(): Iterable<RunRecord> {
    return this.#records.values()
  }

  add(record: RunRecord): void {
    const { id, replaces } = record
    this.#records.set(id, record)
    if (!this.#replacements.has(id)) this.#left.add(record)
    if (replaces === undefined) return
    this.#replacements.set(replaces, (this.#replacements.get(replaces) ?? 0) + 1)
    const replaced = this.#records.get(replaces)
    if (replaced !== undefined) this.#left.delete(replaced)
  }

  delete(record: RunRecord): void {
    const { id, replaces } = record
    this.#records.delete(id)
    this.#left.delete(record)
    if (replaces === undefined) return
    const others = (this.#replacements.get(replaces) ?? 0) - 1
    if (others > 0) {
      this.#replacements.set(replaces, others)
      return
    }
    this.#replacements.delete(replaces)
    const replaced = this.#records.get(replaces)
    if (replaced !== undefined) this.#left.add(replaced)
  }

  /**
   * The run to which the name resolves. It depends on the set of the headers alone, never on their order, so that all Pods with
   * the same headers agree.
   */
  resolve(): RunRecord | undefined {
    if (this.#left.size < 2) return first(this.#left)
    let running: RunRecord | undefined
    for (const record of this.#left) if (record.end === undefined) running = smaller(record, running)
    return running ?? this.#latest()
  }

  /** Of the runs that are left, the one at the end of the longest chain of replacements. */
  #latest(): RunRecord | undefined {
    const lengths = new Map<RunId, number>()
    let latest: RunRecord | undefined
    let longest = -1
    for (const record of this.#left) {
      const length = this.#chainLength(record, lengths)
      if (length > longest) latest = record
      else if (length === longest) latest = smaller(record, latest)
      longest = Math.max(longest, length)
    }
    return latest
  }

  /** Number of runs that it takes the place of, one after another; `known` has those of the records that were counted. */
  #chainLength(record: RunRecord, known: Map<RunId, number>): number {
    const chain: RunId[] = []
    let length: number | undefined
    for (let at: RunRecord | undefined = record; at !== undefined && length === undefined; ) {
      const { id, replaces }: RunRecord = at
      length = replaces === undefined ? 0 : known.get(id)
      // A peer may tell of runs that replace each other in a circle.
      if (chain.length > this.#records.size) length = Number.POSITIVE_INFINITY
      if (length !== undefined || replaces === undefined) break
      chain.push(id)
      at = this.#records.get(replaces)
    }
    length ??= 0
    for (const id of chain.toReversed()) {
      length += 1
      known.set(id, length)
    }
    return length
  }
}

function first(records: Iterable<RunRecord>): RunRecord | undefined {
  for (const record of records) return record
  return undefined
}

function smaller(record: RunRecord, other: RunRecord | undefined): RunRecord {
  return other === undefined || compareRunIds(record.id, other.id) < 0 ? record : other
}
