import { Deque } from './deque.ts'
import {
  type DisconnectEntry,
  type EventEntry,
  type HoleEntry,
  isEvent,
  isLoss,
  isNumbered,
  type LogEntry,
  type LossEntry,
} from './entry.ts'
import { StreamQueue } from './large-streams.ts'

/** Indexes of a log's entries by stream, by idempotency key and by kind, each in order of arrival. */
export class SecondaryIndexes {
  readonly idempotencyKeys: IdempotencyKeys = new IdempotencyKeys()
  readonly #streams = new Map<string, StreamQueue>()
  /** The entries without a stream. */
  readonly #others = new StreamQueue(undefined)
  /** The headers of runs, apart from the others, because many of them must not evict a disconnect. */
  readonly #headers = new StreamQueue(undefined)
  readonly #losses = new Deque<HoleEntry | LossEntry>()
  readonly #disconnects = new Deque<DisconnectEntry>()
  #disconnectsFrom = 0
  #unnumbered = 0

  /** Number of streams that have an event in the log. */
  get streams(): number {
    return this.#streams.size
  }

  /** True if the log has events, disconnects or headers of runs, that is anything but no-op entries and holes. */
  get hasEvents(): boolean {
    return this.#streams.size > 0 || this.#disconnects.length > 0 || this.#headers.length > 0
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

  /** The queue of the stream of an entry in the log, or of all entries without a stream. */
  queueOf(entry: LogEntry): StreamQueue {
    if (isEvent(entry)) return entry.queue as StreamQueue
    return entry.kind === 'run' ? this.#headers : this.#others
  }

  /** Adds an entry; returns its queue. */
  add(entry: LogEntry): StreamQueue {
    if (!isNumbered(entry)) this.#unnumbered += 1
    if (isEvent(entry)) {
      if (entry.kind === 'event') this.idempotencyKeys.add(entry)
      let queue = this.#streams.get(entry.stream)
      if (queue === undefined) {
        queue = new StreamQueue(entry.stream)
        this.#streams.set(entry.stream, queue)
      }
      entry.queue = queue
      queue.push(entry)
      return queue
    }
    const queue = this.queueOf(entry)
    queue.push(entry)
    if (isLoss(entry)) this.#losses.push(entry)
    else if (entry.kind === 'disconnect') this.#disconnects.push(entry)
    return queue
  }

  /** Removes the oldest entry of its queue, which {@link queueOf} returns; returns the queue. */
  remove(entry: LogEntry): StreamQueue {
    const queue = this.queueOf(entry)
    queue.shift()
    queue.isTrimmed = true
    if (!isNumbered(entry)) this.#unnumbered -= 1
    if (isEvent(entry)) {
      if (entry.kind === 'event') this.idempotencyKeys.remove(entry)
      if (queue.length === 0) this.#streams.delete(entry.stream)
    } else if (isLoss(entry)) this.#losses.shift()
    else if (entry.kind === 'disconnect') {
      this.#disconnects.shift()
      this.#disconnectsFrom = entry.index + 1
    }
    return queue
  }
}

/** Entries of one event that was sent more than once, in order of arrival. */
type Duplicates = Pick<Deque<EventEntry>, 'at' | 'length'>

/** Index of the log's events by idempotency key: entries of one stream that share a key are one event. */
export class IdempotencyKeys {
  /** A key of a single entry maps to that entry, without a queue, because nearly every key is of that kind. */
  readonly #entries = new Map<string, EventEntry | Deque<EventEntry>>()

  add(entry: EventEntry): void {
    if (entry.key === undefined) return
    const name = indexKey(entry.stream, entry.key)
    const held = this.#entries.get(name)
    if (held === undefined) this.#entries.set(name, entry)
    else if (held instanceof Deque) held.push(entry)
    else {
      const duplicates = new Deque<EventEntry>()
      duplicates.push(held)
      duplicates.push(entry)
      this.#entries.set(name, duplicates)
    }
  }

  /** Removes the log's oldest entry, which arrived before its duplicates. */
  remove(entry: EventEntry): void {
    if (entry.key === undefined) return
    const name = indexKey(entry.stream, entry.key)
    const held = this.#entries.get(name)
    if (held instanceof Deque && held.length > 1) held.shift()
    else this.#entries.delete(name)
  }

  /** The first event to arrive that was sent with this key. */
  first(stream: string, key: string): EventEntry | undefined {
    const held = this.#entries.get(indexKey(stream, key))
    return held instanceof Deque ? held.at(0) : held
  }

  /** Returns whether no duplicate of `entry` that the log holds arrived before it. */
  isFirst(entry: EventEntry): boolean {
    return entry.key === undefined || this.first(entry.stream, entry.key) === entry
  }

  /** All entries of the event of `entry`, `entry` included; undefined where there is no other. */
  duplicates(entry: EventEntry): Duplicates | undefined {
    if (entry.key === undefined) return undefined
    const held = this.#entries.get(indexKey(entry.stream, entry.key))
    return held instanceof Deque ? held : undefined
  }
}

function indexKey(stream: string, key: string): string {
  return `${stream}\n${key}`
}
