import { Deque } from './deque.ts'
import type { DisconnectEntry, EventEntry, HoleEntry, LogEntry } from './entry.ts'
import { IdempotencyKeys } from './idempotency-keys.ts'

/** Approximate memory of a stream that has an event in the log: its queue, and its place in the index. */
const STREAM_BYTES = 320

/** Indexes of a log's entries by stream, by idempotency key and by kind, each in order of arrival. */
export class SecondaryIndexes {
  readonly idempotencyKeys: IdempotencyKeys = new IdempotencyKeys()
  readonly #streams = new Map<string, Deque<EventEntry>>()
  readonly #holes = new Deque<HoleEntry>()
  readonly #disconnects = new Deque<DisconnectEntry>()
  #disconnectsFrom = 0
  /** Number of entries without an epoch. */
  #v1 = 0

  /** Memory of the indexes by stream, in bytes; that of the other indexes is part of each entry's. */
  get bytes(): number {
    return this.#streams.size * STREAM_BYTES
  }

  /** Whether the log has events or disconnects, that is anything but no-op entries and holes. */
  get hasEvents(): boolean {
    return this.#streams.size > 0 || this.#disconnects.length > 0
  }

  /** Whether the log has an entry without an epoch. */
  get hasV1(): boolean {
    return this.#v1 > 0
  }

  /** The log still has every disconnect at or after this index. */
  get disconnectsFrom(): number {
    return this.#disconnectsFrom
  }

  /** Disconnect entries at or after `index`. */
  *disconnects(index: number): Generator<DisconnectEntry> {
    const entries = this.#disconnects
    for (let i = entries.lowerBound((entry) => entry.index >= index); i < entries.length; i += 1)
      yield entries.at(i) as DisconnectEntry
  }

  /** The queue of all holes, and the queues of the events of `streams`. */
  queues(streams: readonly string[]): Deque<LogEntry>[] {
    const queues: Deque<LogEntry>[] = [this.#holes]
    for (const stream of streams) {
      const queue = this.#streams.get(stream)
      if (queue !== undefined) queues.push(queue)
    }
    return queues
  }

  add(entry: LogEntry): void {
    if (entry.epoch === undefined) this.#v1 += 1
    if (entry.kind === 'event') {
      this.idempotencyKeys.add(entry)
      const queue = this.#streams.get(entry.stream) ?? new Deque<EventEntry>()
      queue.push(entry)
      if (queue.length === 1) this.#streams.set(entry.stream, queue)
    } else if (entry.kind === 'hole') this.#holes.push(entry)
    else if (entry.kind === 'disconnect') this.#disconnects.push(entry)
  }

  /** Removes the log's oldest entry. */
  remove(entry: LogEntry): void {
    if (entry.epoch === undefined) this.#v1 -= 1
    if (entry.kind === 'event') {
      this.idempotencyKeys.remove(entry)
      const queue = this.#streams.get(entry.stream) as Deque<EventEntry>
      queue.shift()
      if (queue.length === 0) this.#streams.delete(entry.stream)
    } else if (entry.kind === 'hole') this.#holes.shift()
    else if (entry.kind === 'disconnect') {
      this.#disconnects.shift()
      this.#disconnectsFrom = entry.index + 1
    }
  }
}
