import { MAX_EPOCHS } from '../wire/position.ts'
import { Deque } from './deque.ts'
import type { NumberedEntry } from './entry.ts'
import type { StreamFloor } from './stream-floors.ts'
import type { Timing } from './timing.ts'

/** State of one epoch, that is of one incarnation of one Pod. */
export class Epoch {
  /** Every seq up to here was received, or is part of a hole. */
  have = 0
  /** Entries up to this seq may have left the log, whatever their stream. */
  floor = 0
  /** Floors of single streams, above which the log holds every event of the stream. Undefined: none. */
  streamFloors: Map<string, StreamFloor> | undefined
  /** Entries up to this seq may have been evicted: above it, the entries are consecutive. */
  evictedSeq = 0
  /** Index of the last evicted event; -1: none. */
  evictedIndex = -1
  /** Time of its last {@link Checkpoints checkpoint}. */
  checkpointAt: number = Number.NEGATIVE_INFINITY
  /** Last time that the epoch advanced on its own Pod, converted to this Pod's clock. */
  lastActive: number
  /** Entries in the log, in order of seq; evicted ones stay for a while. Below the floor they serve slow readers only, and are not sent to peers. */
  readonly entries: Deque<NumberedEntry> = new Deque()

  constructor(lastActive: number) {
    this.lastActive = lastActive
  }

  /** Seq up to which a reader has every entry when the log's entry at `index` is its next one. */
  seqAt(index: number): number {
    const entry = this.entries.at(this.entries.lowerBound((candidate) => candidate.index >= index))
    if (entry === undefined) return this.have
    return entry.kind === 'hole' ? entry.from : entry.seq - 1
  }
}

/** Every known epoch. A silent epoch leaves positions after `forgetMs`, and memory after `dropMs`. */
export class Epochs {
  readonly #epochs = new Map<string, Epoch>()
  readonly #timing: Timing
  /** Number of records created so far: while it is the same, no unknown epoch has become known. */
  created = 0

  constructor(timing: Timing) {
    this.#timing = timing
  }

  /** True if the number of epochs has reached {@link MAX_EPOCHS}. */
  get isFull(): boolean {
    return this.#epochs.size >= MAX_EPOCHS
  }

  get(epoch: string): Epoch | undefined {
    return this.#epochs.get(epoch)
  }

  /** The record of `epoch`; creates it if there is none. */
  ensure(epoch: string, lastActive: number): Epoch {
    let record = this.#epochs.get(epoch)
    if (record === undefined) {
      record = new Epoch(lastActive)
      this.#epochs.set(epoch, record)
      this.created += 1
    }
    return record
  }

  isSilent(record: Epoch, now: number): boolean {
    return now - record.lastActive >= this.#timing.forgetMs
  }

  /** Every epoch with its record. */
  get all(): Iterable<[string, Epoch]> {
    return this.#epochs
  }

  /** Epochs that are not silent; positions contain these alone. */
  *active(now: number): Generator<[string, Epoch]> {
    for (const entry of this.#epochs) {
      if (!this.isSilent(entry[1], now)) yield entry
    }
  }

  /** Removes the epochs that have been silent for `dropMs`, because no message can mention them any more. */
  forget(now: number): void {
    for (const [epoch, record] of this.#epochs) {
      if (now - record.lastActive >= this.#timing.dropMs && record.entries.length === 0)
        this.#epochs.delete(epoch)
    }
  }
}
