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
  /** The floor that has not changed for longest is the first. */
  readonly #floors = new Set<StreamFloor>()
  #latest: StreamFloor | undefined
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Number of floors. */
  get size(): number {
    return this.#floors.size
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
      floor = { stream, epoch, seq, index, sentAt, eviction: this.evictions }
      epoch.streamFloors.set(stream, floor)
      this.bytes += bytesOf(floor)
    } else {
      floor.seq = Math.max(floor.seq, seq)
      floor.index = Math.max(floor.index, index)
      floor.sentAt = Math.max(floor.sentAt, sentAt)
      floor.eviction = this.evictions
      if (floor === this.#latest) return
      this.#floors.delete(floor)
    }
    this.#floors.add(floor)
    this.#latest = floor
    for (let first = this.#oldest; first && this.bytes > this.#maxBytes; first = this.#oldest)
      this.#drop(first)
  }

  /** Drops the floors of events that were sent before `oldest`. */
  trim(oldest: number): void {
    for (let first = this.#oldest; first && first.sentAt < oldest; first = this.#oldest) this.#drop(first)
  }

  /** An entry was evicted that concerns every stream. */
  raiseAll(index: number): void {
    this.evictions += 1
    this.droppedIndex = Math.max(this.droppedIndex, index)
    this.droppedEviction = this.evictions
  }

  /** The floor that has not changed for longest. */
  get #oldest(): StreamFloor | undefined {
    for (const floor of this.#floors) return floor
    return undefined
  }

  /** Drops a floor, by raising the floor of its epoch to it. */
  #drop(floor: StreamFloor): void {
    floor.epoch.floor = Math.max(floor.epoch.floor, floor.seq)
    this.droppedIndex = Math.max(this.droppedIndex, floor.index)
    this.droppedEviction = Math.max(this.droppedEviction, floor.eviction)
    this.#floors.delete(floor)
    this.bytes -= bytesOf(floor)
    if (floor === this.#latest) this.#latest = undefined
    const { streamFloors } = floor.epoch
    streamFloors?.delete(floor.stream)
    if (streamFloors?.size === 0) floor.epoch.streamFloors = undefined
  }

  /** Streams of which an event at or after `index` was evicted. */
  streamsFrom(index: number): Set<string> {
    const streams = new Set<string>()
    if (this.#lastIndex < index) return streams
    for (const floor of this.#floors) if (floor.index >= index) streams.add(floor.stream)
    return streams
  }
}

function bytesOf({ stream }: StreamFloor): number {
  return FLOOR_BYTES + stream.length
}
