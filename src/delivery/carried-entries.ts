import type { Epochs } from '../log/epochs.ts'
import type { Timing } from '../log/timing.ts'
import { formatEntries, type IdPrefix } from '../wire/position.ts'

/** Three flat lists, because clients choose the entries, many connections have some, and none is looked up by epoch. */
class EntryList {
  readonly #epochs: string[] = []
  readonly #seqs: number[] = []
  readonly #since: number[] = []

  get size(): number {
    return this.#epochs.length
  }

  add(epoch: string, seq: number, since: number): void {
    this.#epochs.push(epoch)
    this.#seqs.push(seq)
    this.#since.push(since)
  }

  forEach(visit: (epoch: string, seq: number, since: number) => void): void {
    for (let i = 0; i < this.size; i += 1)
      visit(this.#epochs[i] as string, this.#seqs[i] as number, this.#since[i] as number)
  }

  /** Removes the entries that pass the test. */
  removeIf(test: (epoch: string, seq: number, since: number) => boolean): void {
    let kept = 0
    this.forEach((epoch, seq, since) => {
      if (test(epoch, seq, since)) return
      this.#epochs[kept] = epoch
      this.#seqs[kept] = seq
      this.#since[kept] = since
      kept += 1
    })
    for (const list of [this.#epochs, this.#seqs, this.#since]) list.length = kept
  }
}

/** Entries of a client's id beyond the local log: of these epochs the client has more than the log up to its cursor. */
export class CarriedEntries {
  readonly #epochs: Epochs
  readonly #timing: Timing
  readonly #known = new EntryList()
  /** Entries of epochs that the log does not know: no entry of the log changes them, so all ids can share their text. */
  readonly #unknown = new EntryList()
  /** Value of {@link Epochs.created} when the log was last searched for the unknown epochs. */
  #searchedAt: number
  #prefix: IdPrefix | undefined
  #prunedAt = Number.NEGATIVE_INFINITY

  constructor(epochs: Epochs, timing: Timing) {
    this.#epochs = epochs
    this.#timing = timing
    this.#searchedAt = epochs.created
  }

  get size(): number {
    return this.#known.size + this.#unknown.size
  }

  /** The client has `epoch` up to `seq`; Pods with less of it have carried this entry since `since`. */
  add(epoch: string, seq: number, since: number): void {
    const entries = this.#epochs.get(epoch) === undefined ? this.#unknown : this.#known
    entries.add(epoch, seq, since)
  }

  /** Visits the entries of epochs that the log knows. */
  forEachKnown(visit: (epoch: string, seq: number, since: number) => void): void {
    if (this.#searchedAt !== this.#epochs.created) this.#search()
    this.#known.forEach(visit)
  }

  /**
   * The entries of epochs that the log does not know, as the beginning of an id. Their ages are too low by up to
   * `noopIntervalMs`, except in the first id of a connection, so they do not become younger from Pod to Pod.
   */
  prefix(now: number): IdPrefix | undefined {
    if (this.#unknown.size === 0) return undefined
    this.#prefix ??= formatEntries((add) => {
      this.#unknown.forEach((epoch, seq, since) => {
        add(epoch, seq, now - since)
      })
    })
    return this.#prefix
  }

  /** Drops the entries that the log has at `cursor`, and the entries carried for `forgetMs`. */
  prune(cursor: number, now: number): void {
    const { forgetMs, noopIntervalMs } = this.#timing
    this.#known.removeIf((epoch, seq, since) => {
      const record = this.#epochs.get(epoch)
      if (seq <= (record?.seqAt(cursor) ?? 0)) return true
      // While the epoch is in this Pod's ids, dropping a higher seq would move the id back.
      const isInIds = record !== undefined && !this.#epochs.isSilent(record, now)
      return !isInIds && now - since >= forgetMs
    })
    if (now - this.#prunedAt < noopIntervalMs) return
    this.#prunedAt = now
    this.#unknown.removeIf((_epoch, _seq, since) => now - since >= forgetMs)
    this.#prefix = undefined
  }

  /** Moves the entries of epochs that the log has come to know. */
  #search(): void {
    this.#searchedAt = this.#epochs.created
    this.#unknown.removeIf((epoch, seq, since) => {
      if (this.#epochs.get(epoch) === undefined) return false
      this.#known.add(epoch, seq, since)
      this.#prefix = undefined
      return true
    })
  }
}
