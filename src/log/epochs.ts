import { MAX_EPOCHS } from '../wire/position.ts'
import { Deque } from './deque.ts'
import type { LogItem } from './items.ts'
import type { Timing } from './timing.ts'

/** State of one epoch, that is of one incarnation of one Pod. */
export class Epoch {
  /** Every seq up to here was received, or is part of a hole. */
  have = 0
  /** Entries up to this seq may have left the log. */
  floor = 0
  /** Entries up to this seq may be in the log without their message; readers of other streams miss nothing. */
  payloadEvicted = 0
  /** When it last advanced, in its own Pod's life, told in this Pod's time. */
  lastActive: number
  /** Its items in the log, in order of seq; below the floor they are there for readers that lag, not to be given away. */
  readonly items: Deque<LogItem> = new Deque()

  constructor(lastActive: number) {
    this.lastActive = lastActive
  }

  /** The seq up to which a reader that stands before the log's item `index` has everything. */
  seqAt(index: number): number {
    const item = this.items.at(this.items.lowerBound((candidate) => candidate.index >= index))
    if (item === undefined) return this.have
    return item.kind === 'hole' ? item.from : item.seq - 1
  }
}

/** Every epoch that this Pod knows of. One that falls silent leaves positions first, and memory later. */
export class Epochs {
  readonly #epochs = new Map<string, Epoch>()
  readonly #timing: Timing

  constructor(timing: Timing) {
    this.#timing = timing
  }

  /** Whether one more would be too many. */
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

  /** The epochs that positions speak of. */
  *active(now: number): Generator<[string, Epoch]> {
    for (const entry of this.#epochs) {
      if (!this.isSilent(entry[1], now)) yield entry
    }
  }

  /** Lets go of epochs that were silent for so long that no message can speak of them any more. */
  forget(now: number): void {
    for (const [epoch, record] of this.#epochs) {
      if (now - record.lastActive >= this.#timing.dropMs && record.items.length === 0)
        this.#epochs.delete(epoch)
    }
  }
}
