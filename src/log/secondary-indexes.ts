import { Deque } from './deque.ts'
import {
  type DisconnectEntry,
  type HoleEntry,
  isEvent,
  isLoss,
  isNumbered,
  type LogEntry,
  type LossEntry,
} from './entry.ts'
import { IdempotencyKeys } from './idempotency-keys.ts'
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
    if (isEvent(entry)) return this.#streams.get(entry.stream) as StreamQueue
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
