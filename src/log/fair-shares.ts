import { Deque } from './deque.ts'
import { type LogEntry, memoryBytes } from './entry.ts'
import { LargeStreams, type StreamQueue } from './large-streams.ts'

/**
 * Share of `maxBytes` for the newest entries, which no stream loses: connections and peers that keep up still have to
 * receive them, however little of the log their stream may take.
 */
const NEWEST_SHARE = 1 / 4
/** A stream that takes a smaller share of `maxBytes` is never the one that loses, unless all streams are that small. */
const LARGE_STREAM_SHARE = 1 / 1_024

/**
 * Memory of a log's entries by stream. An entry is settled when enough newer ones have arrived; of the settled entries,
 * the stream that takes most loses its oldest one first. So a stream with less than an equal share loses none.
 */
export class FairShares {
  readonly #queueOf: (entry: LogEntry) => StreamQueue
  readonly #maxNewestBytes: number
  /** Entries that are not settled yet, the oldest first. */
  readonly #newest = new Deque<LogEntry>()
  readonly #large: LargeStreams
  #newestBytes = 0
  #settledBytes = 0

  constructor(maxBytes: number, queueOf: (entry: LogEntry) => StreamQueue) {
    this.#queueOf = queueOf
    this.#maxNewestBytes = maxBytes * NEWEST_SHARE
    this.#large = new LargeStreams(maxBytes * LARGE_STREAM_SHARE)
  }

  /** Memory of all entries, and of the queues of their streams. */
  get bytes(): number {
    return this.#newestBytes + this.#settledBytes
  }

  get hasSettled(): boolean {
    return this.#settledBytes > 0
  }

  /** The stream that takes most; undefined: all are so small that the oldest entry of the log is the one to evict. */
  get largest(): StreamQueue | undefined {
    return this.#large.largest
  }

  /** An entry was added to its queue. */
  add(entry: LogEntry, queue: StreamQueue): void {
    this.#newest.push(entry)
    this.#newestBytes += memoryBytes(entry) + (queue.length === 1 ? queue.overhead : 0)
    while (this.#newestBytes > this.#maxNewestBytes && this.#newest.length > 1) this.settleOldest()
  }

  /** Settles the oldest of the newest entries; returns false if there is none. */
  settleOldest(): boolean {
    const entry = this.#newest.shift()
    if (entry === undefined) return false
    const queue = this.#queueOf(entry)
    const bytes = memoryBytes(entry) + (queue.settledBytes === 0 ? queue.overhead : 0)
    this.#newestBytes -= bytes
    this.#settledBytes += bytes
    queue.settledBytes += bytes
    this.#large.update(queue)
    return true
  }

  /** An entry was removed from `queue`, where it was the oldest one. */
  remove(entry: LogEntry, queue: StreamQueue): void {
    const bytes = memoryBytes(entry)
    // If the log's oldest entry is not settled, no entry is.
    if (entry === this.#newest.at(0)) {
      this.#newest.shift()
      this.#newestBytes -= bytes + (queue.length === 0 ? queue.overhead : 0)
      return
    }
    queue.settledBytes -= bytes
    this.#settledBytes -= bytes
    if (queue.settledBytes === queue.overhead) {
      queue.settledBytes = 0
      this.#settledBytes -= queue.overhead
      if (queue.length > 0) this.#newestBytes += queue.overhead
    }
    this.#large.update(queue)
  }
}
