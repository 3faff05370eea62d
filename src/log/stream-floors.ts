import { Epoch } from './epochs.ts'

/** Approximate memory of a floor without the name of its stream. */
const FLOOR_BYTES = 240

/** Events of `stream` up to `seq` of one epoch may have been evicted; the log holds all later ones. */
export interface StreamFloor {
  readonly stream: string
  readonly epoch: Epoch
  seq: number
  /** Index of the last evicted event. */
  index: number
  /** Time of its send, on this Pod's clock. */
  sentAt: number
  /** Value of {@link StreamFloors.evictions} at its last change. */
  eviction: number
  /** The floors that changed right before and right after it. */
  older: StreamFloor | undefined
  newer: StreamFloor | undefined
}

/** The last evicted event of each stream and epoch: all that a reader has to know of the evicted ones. */
export class StreamFloors {
  /** Number of evictions so far: a reader compares it, and looks no further while it is the same. */
  evictions = 0
  bytes = 0
  /** Latest time at which an evicted event was sent. */
  lastSentAt: number = Number.NEGATIVE_INFINITY
  /** Floors of the events without an epoch; their seqs are 0. */
  readonly unnumbered: Epoch = new Epoch(0)
  /** Index of the last evicted entry that no floor of a stream tells of any more; -1: none. */
  droppedIndex = -1
  /** Value of {@link evictions} for it. */
  droppedEviction = 0
  /** Index of the last evicted event; -1: none. */
  #lastIndex = -1
  /**
   * The floors form a list in the order of their last changes. A Set would not do, because reading its first item takes
   * time for each item that was deleted before it.
   */
  #oldest: StreamFloor | undefined
  #latest: StreamFloor | undefined
  #size = 0
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Number of floors. */
  get size(): number {
    return this.#size
  }

  /** Raises the floor of `stream` in an epoch. */
  raise(epoch: Epoch, stream: string, seq: number, index: number, sentAt: number): void {
    this.evictions += 1
    this.lastSentAt = Math.max(this.lastSentAt, sentAt)
    this.#lastIndex = Math.max(this.#lastIndex, index)
    epoch.evictedIndex = Math.max(epoch.evictedIndex, index)
    epoch.streamFloors ??= new Map()
    let floor = epoch.streamFloors.get(stream)
    if (floor === undefined) {
      const eviction = this.evictions
      floor = { stream, epoch, seq, index, sentAt, eviction, older: undefined, newer: undefined }
      epoch.streamFloors.set(stream, floor)
      this.bytes += bytesOf(floor)
      this.#size += 1
    } else {
      floor.seq = Math.max(floor.seq, seq)
      floor.index = Math.max(floor.index, index)
      floor.sentAt = Math.max(floor.sentAt, sentAt)
      floor.eviction = this.evictions
      if (floor === this.#latest) return
      this.#unlink(floor)
    }
    this.#link(floor)
    while (this.#oldest !== undefined && this.bytes > this.#maxBytes) this.#drop(this.#oldest)
  }

  /** Drops the floors of events that were sent before `oldest`. */
  trim(oldest: number): void {
    while (this.#oldest !== undefined && this.#oldest.sentAt < oldest) this.#drop(this.#oldest)
  }

  /** An entry was evicted that concerns every stream. */
  raiseAll(index: number): void {
    this.evictions += 1
    this.droppedIndex = Math.max(this.droppedIndex, index)
    this.droppedEviction = this.evictions
  }

  /** Adds a floor as the latest one. */
  #link(floor: StreamFloor): void {
    floor.older = this.#latest
    floor.newer = undefined
    if (this.#latest === undefined) this.#oldest = floor
    else this.#latest.newer = floor
    this.#latest = floor
  }

  #unlink({ older, newer }: StreamFloor): void {
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#latest = older
    else newer.older = older
  }

  /** Drops a floor, by raising the floor of its epoch to it. */
  #drop(floor: StreamFloor): void {
    floor.epoch.floor = Math.max(floor.epoch.floor, floor.seq)
    this.droppedIndex = Math.max(this.droppedIndex, floor.index)
    this.droppedEviction = Math.max(this.droppedEviction, floor.eviction)
    this.#unlink(floor)
    this.bytes -= bytesOf(floor)
    this.#size -= 1
    const { streamFloors } = floor.epoch
    streamFloors?.delete(floor.stream)
    if (streamFloors?.size === 0) floor.epoch.streamFloors = undefined
  }

  /** Streams of which an event at or after `index` was evicted. */
  streamsFrom(index: number): Set<string> {
    const streams = new Set<string>()
    if (this.#lastIndex < index) return streams
    for (let floor = this.#oldest; floor !== undefined; floor = floor.newer)
      if (floor.index >= index) streams.add(floor.stream)
    return streams
  }
}

function bytesOf({ stream }: StreamFloor): number {
  return FLOOR_BYTES + stream.length
}
