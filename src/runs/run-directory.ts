import { formatRunId, isSameEnd, type RunEnd, type RunHeader, type RunId, runCheck } from '../wire/runs.ts'
import { OrphanedEnds } from './orphaned-ends.ts'
import { RunShares, type RunSharesOptions } from './run-shares.ts'
import { RunsInOrder } from './runs-in-order.ts'
import { MAX_RUNS_OF_NAME, RunsOfName } from './runs-of-name.ts'

/** A run that this Pod knows. */
export interface RunRecord {
  readonly id: RunId
  readonly epoch: string
  readonly name: string
  /** The run of the same name that it replaces. */
  readonly replaces: RunId | undefined
  /** Time of its start, on this Pod's clock. */
  readonly startedAt: number
  /** Its end, once this Pod knows it. */
  end: RunEnd | undefined
  /** Time of the end; of the judgement that it is lost, without an end. */
  endedAt: number | undefined
  /** Number of its chunks that another Pod has told of. */
  told: number
  /**
   * True if the producer's Pod, which is alive, does not know it any more, and its end was missed here. Other Pods are not told
   * of it, because one that does not know it would take it for running.
   */
  isForgotten: boolean
}

/** Facts about a run that a peer tells. */
export interface RunFacts {
  readonly id: RunId
  readonly epoch: string
  readonly name: string
  readonly replaces?: RunId | undefined
  readonly startedAt: number
  readonly end?: RunEnd | undefined
  readonly endedAt?: number | undefined
  /** Number of chunks up to which the peer has the run. */
  readonly next?: number | undefined
}

export interface RunDirectoryOptions extends RunSharesOptions {
  maxRecords: number
  retainMs: number
  /** A cancellation of a run has arrived. */
  onCancel(id: RunId): void
  /** A run is forgotten. */
  onRemove(record: RunRecord): void
  /** A run of another Pod is not taken, because there are too many, of its name or in all. */
  onRefuse(): void
  /** A run ended twice, in different ways; the first end stays. */
  onConflict(id: RunId): void
}

/** Receives a record that is new, or has ended, or whose name resolves to another run. */
export type RecordListener = (record: RunRecord) => void

/** The runs that this Pod knows, by id and by name. */
export class RunDirectory {
  readonly #options: RunDirectoryOptions
  readonly #records = new Map<RunId, RunRecord>()
  readonly #inOrder = new RunsInOrder()
  readonly #names = new Map<string, RunsOfName>()
  readonly #shares: RunShares
  readonly #orphans: OrphanedEnds
  readonly #listeners: RecordListener[] = []
  readonly #removals: RecordListener[] = []
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(options: RunDirectoryOptions) {
    this.#options = options
    this.#shares = new RunShares(options)
    this.#orphans = new OrphanedEnds(options.maxRecords)
  }

  /** Time for which a run is kept after its end, in milliseconds. */
  get retainMs(): number {
    return this.#options.retainMs
  }

  /** Number of known runs. */
  get size(): number {
    return this.#records.size
  }

  get(id: RunId): RunRecord | undefined {
    return this.#records.get(id)
  }

  /** All known runs. */
  values(): Iterable<RunRecord> {
    return this.#records.values()
  }

  /** At most `max` known runs after this id, in order of ids; `''`: from the first one on. */
  after(id: RunId | '', max: number): readonly RunRecord[] {
    return this.#inOrder.after(id, max)
  }

  /** The known runs of one name. */
  named(name: string): Iterable<RunRecord> {
    return this.#names.get(name)?.values() ?? []
  }

  /** Returns whether one of the known runs of a name has this {@link runCheck}. */
  hasCheck(name: string, check: string): boolean {
    for (const { id } of this.named(name)) if (runCheck(id) === check) return true
    return false
  }

  /** The runs that this one may have cost the name, with itself: those that no other replaces, and the one that it replaces. */
  rivals(record: RunRecord): Iterable<RunRecord> {
    const rivals = new Set(this.#names.get(record.name)?.left).add(record)
    const replaced = record.replaces === undefined ? undefined : this.#records.get(record.replaces)
    return replaced?.name === record.name ? rivals.add(replaced) : rivals
  }

  /** True if no further run of the name may be started. */
  isFull(name: string): boolean {
    return (this.#names.get(name)?.size ?? 0) >= MAX_RUNS_OF_NAME
  }

  /** The run to which a name resolves; undefined: there is none. */
  resolve(name: string): RunRecord | undefined {
    return this.#names.get(name)?.resolve()
  }

  /** Calls `listener` with each record that is new or has ended. */
  onRecord(listener: RecordListener): void {
    this.#listeners.push(listener)
  }

  /** Calls `listener` with each record that is forgotten. */
  onRemove(listener: RecordListener): void {
    this.#removals.push(listener)
  }

  /** Calls `listener` when a record of the name is new or has ended, until the returned function is called. */
  watch(name: string, listener: () => void): () => void {
    const waiting = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, waiting.add(listener))
    return () => {
      waiting.delete(listener)
      if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name)
    }
  }

  /** Takes a header of the log. */
  onHeader(epoch: string, seq: number, header: RunHeader, sentAt: number): void {
    if ('cancel' in header) return this.#options.onCancel(header.cancel)
    if ('start' in header) {
      const { start: name, replaces } = header
      this.onFacts({ id: formatRunId(epoch, seq), epoch, name, replaces, startedAt: sentAt })
      return
    }
    const { state, reason, chunks } = header
    this.setEnd(formatRunId(epoch, header.end), { state, reason, chunks }, sentAt)
  }

  /** Takes facts that a peer has told, or a header. */
  onFacts({ id, epoch, name, replaces, startedAt, end, endedAt = startedAt, next = 0 }: RunFacts): void {
    const known = this.#records.get(id)
    if (known !== undefined) {
      known.told = Math.max(known.told, next)
      if (end !== undefined) this.setEnd(id, end, endedAt)
      return
    }
    if (!this.#takes(epoch, name)) return this.#options.onRefuse()
    const record: RunRecord = {
      id,
      epoch,
      name,
      replaces,
      startedAt,
      end: undefined,
      endedAt: undefined,
      told: next,
      isForgotten: false,
    }
    this.#records.set(id, record)
    this.#inOrder.add(record)
    this.#shares.add(record)
    const named = this.#names.get(name) ?? new RunsOfName()
    this.#names.set(name, named)
    named.add(record)
    const orphan = this.#orphans.take(id)
    if (end !== undefined) this.#setEnd(record, end, endedAt)
    else if (orphan !== undefined) this.#setEnd(record, orphan.end, orphan.endedAt)
    this.#tell(record)
  }

  /** Records the end of a run. */
  setEnd(id: RunId, end: RunEnd, endedAt: number): void {
    const record = this.#records.get(id)
    if (record === undefined) return this.#orphans.add(id, end, endedAt)
    if (record.end !== undefined) {
      if (!isSameEnd(record.end, end)) this.#options.onConflict(id)
      return
    }
    this.#setEnd(record, end, endedAt)
    this.#tell(record)
  }

  /** Forgets a run. */
  remove({ id, name }: RunRecord): void {
    const record = this.#records.get(id)
    if (record === undefined) return
    this.#records.delete(id)
    this.#inOrder.delete(record)
    this.#shares.delete(record)
    const named = this.#names.get(name)
    named?.delete(record)
    if (named?.size === 0) this.#names.delete(name)
    this.#options.onRemove(record)
    for (const listener of this.#removals) listener(record)
  }

  /** The runs that are not kept any longer. */
  expired(now: number): RunRecord[] {
    const { retainMs } = this.#options
    this.#orphans.expire(now - retainMs)
    return [...this.#records.values()].filter(
      ({ endedAt }) => endedAt !== undefined && now - endedAt >= retainMs,
    )
  }

  #setEnd(record: RunRecord, end: RunEnd, endedAt: number): void {
    record.end = end
    record.endedAt = endedAt
    record.isForgotten = false
    this.#shares.onEnd(record)
  }

  #tell(record: RunRecord): void {
    for (const listener of this.#listeners) listener(record)
    for (const listener of [...(this.#waiting.get(record.name) ?? [])]) listener()
  }

  /** Returns whether there is room for a run; always for one that this Pod has started, which has asked before. */
  #takes(epoch: string, name: string): boolean {
    const isOwn = epoch === this.#options.ownEpoch()
    if (!isOwn && this.isFull(name)) return false
    return this.#makeRoom(epoch) || isOwn
  }

  /** Makes room for a record of the epoch. Returns false where the epoch has its share of them. */
  #makeRoom(epoch: string): boolean {
    if (this.#records.size < this.#options.maxRecords) return true
    const victim = this.#shares.victimFor(epoch)
    if (victim === undefined) return false
    // The readers of a running one get the end `lost`.
    victim.isForgotten = victim.end === undefined
    this.remove(victim)
    return true
  }
}
