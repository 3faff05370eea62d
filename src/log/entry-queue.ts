import { Deque } from './deque.ts'
import { ENTRY_BYTES, isNumbered, type LogEntry, markEvicted } from './entry.ts'
import type { Epoch, Epochs } from './epochs.ts'

/**
 * All entries of a log in order of arrival, and by the queues of their epochs in order of seq. Evicted entries stay in
 * these queues until there are many of them; the first one is never evicted.
 */
export class EntryQueue {
  readonly #epochs: Epochs
  readonly #entries = new Deque<LogEntry>()
  #evicted = 0
  /** Epochs with evicted entries in their queues. */
  readonly #evictedFrom = new Set<Epoch>()

  constructor(epochs: Epochs) {
    this.#epochs = epochs
  }

  /** Number of entries without the evicted ones. */
  get length(): number {
    return this.#entries.length - this.#evicted
  }

  /** Memory of the evicted entries, in bytes. */
  get evictedBytes(): number {
    return this.#evicted * ENTRY_BYTES
  }

  get first(): LogEntry | undefined {
    return this.#entries.at(0)
  }

  get last(): LogEntry | undefined {
    return this.#entries.at(this.#entries.length - 1)
  }

  push(entry: LogEntry): void {
    this.#entries.push(entry)
  }

  /** Place of the first entry at or after `index`, evicted ones included. Valid until the next change. */
  placeOf(index: number): number {
    return this.#entries.lowerBound((entry) => entry.index >= index)
  }

  /** The entry at a place; undefined after the last one. */
  at(place: number): LogEntry | undefined {
    return this.#entries.at(place)
  }

  /** Removes the first entry. */
  shift(): void {
    this.#shift()
    this.#removeLeadingEvicted()
  }

  evict(entry: LogEntry): void {
    markEvicted(entry)
    this.#evicted += 1
    const record = isNumbered(entry) ? this.#epochs.get(entry.epoch) : undefined
    if (record !== undefined) this.#evictedFrom.add(record)
    this.#removeLeadingEvicted()
  }

  /** Removes all evicted entries, in time proportional to the length. */
  removeEvicted(): void {
    const isHeld = (entry: LogEntry) => !entry.isEvicted
    this.#entries.filter(isHeld)
    for (const record of this.#evictedFrom) record.entries.filter(isHeld)
    this.#evictedFrom.clear()
    this.#evicted = 0
  }

  #removeLeadingEvicted(): void {
    while (this.first?.isEvicted === true) {
      this.#evicted -= 1
      this.#shift()
    }
  }

  #shift(): void {
    const entry = this.#entries.shift() as LogEntry
    if (isNumbered(entry)) this.#epochs.get(entry.epoch)?.entries.shift()
  }
}
