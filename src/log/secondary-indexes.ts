import { Deque } from './deque.ts'
import type { DisconnectEntry, EventEntry, HoleEntry, LogEntry, LossEntry, V1EventEntry } from './entry.ts'
import { isEvent, isLoss, isNumbered } from './entry.ts'
import { IdempotencyKeys } from './idempotency-keys.ts'

/** Approximate memory of a stream that has an event in the log: its queue, and its place in the index. */
const STREAM_BYTES = 320

/** The events of one stream in the log. */
class StreamQueue extends Deque<EventEntry | V1EventEntry> {
  /** True if an earlier event of the stream has left the log. */
  isTrimmed = false
}

/** Indexes of a log's entries by stream, by idempotency key and by kind, each in order of arrival. */
export class SecondaryIndexes {
  readonly idempotencyKeys: IdempotencyKeys = new IdempotencyKeys()
  readonly #streams = new Map<string, StreamQueue>()
  readonly #losses = new Deque<HoleEntry | LossEntry>()
  readonly #disconnects = new Deque<DisconnectEntry>()
  #disconnectsFrom = 0
  #unnumbered = 0

  /** Memory of the indexes by stream, in bytes; that of the other indexes is part of each entry's. */
  get bytes(): number {
    return this.#streams.size * STREAM_BYTES
  }

  /** True if the log has events or disconnects, that is anything but no-op entries and holes. */
  get hasEvents(): boolean {
    return this.#streams.size > 0 || this.#disconnects.length > 0
  }

  /** True if the log has entries that are in no epoch's queue. */
  get hasUnnumbered(): boolean {
    return this.#unnumbered > 0
  }

  /** The log still has every disconnect at or after this index. */
  get disconnectsFrom(): number {
    return this.#disconnectsFrom
  }

  /** Returns whether an earlier event of `stream` has left the log; unknown, and so false, where the log has no later one. */
  isTrimmed(stream: string): boolean {
    return this.#streams.get(stream)?.isTrimmed === true
  }

  /** Disconnect entries at or after `index`. */
  *disconnects(index: number): Generator<DisconnectEntry> {
    const entries = this.#disconnects
    for (let i = entries.lowerBound((entry) => entry.index >= index); i < entries.length; i += 1)
      yield entries.at(i) as DisconnectEntry
  }

  /** The queue of all holes and losses, and the queues of the events of `streams`. */
  queues(streams: readonly string[]): Deque<LogEntry>[] {
    const queues: Deque<LogEntry>[] = [this.#losses]
    for (const stream of streams) {
      const queue = this.#streams.get(stream)
      if (queue !== undefined) queues.push(queue)
    }
    return queues
  }

  add(entry: LogEntry): void {
    if (!isNumbered(entry)) this.#unnumbered += 1
    if (isEvent(entry)) {
      if (entry.kind === 'event') this.idempotencyKeys.add(entry)
      const queue = this.#streams.get(entry.stream) ?? new StreamQueue()
      queue.push(entry)
      if (queue.length === 1) this.#streams.set(entry.stream, queue)
    } else if (isLoss(entry)) this.#losses.push(entry)
    else if (entry.kind === 'disconnect') this.#disconnects.push(entry)
  }

  /** Removes the log's oldest entry. */
  remove(entry: LogEntry): void {
    if (!isNumbered(entry)) this.#unnumbered -= 1
    if (isEvent(entry)) {
      if (entry.kind === 'event') this.idempotencyKeys.remove(entry)
      const queue = this.#streams.get(entry.stream) as StreamQueue
      queue.shift()
      queue.isTrimmed = true
      if (queue.length === 0) this.#streams.delete(entry.stream)
    } else if (isLoss(entry)) this.#losses.shift()
    else if (entry.kind === 'disconnect') {
      this.#disconnects.shift()
      this.#disconnectsFrom = entry.index + 1
    }
  }
}
