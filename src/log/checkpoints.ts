import { Deque } from './deque.ts'
import type { Epoch } from './epochs.ts'

/** Approximate memory of a checkpoint. */
const CHECKPOINT_BYTES = 64

interface Checkpoint {
  readonly epoch: Epoch
  readonly seq: number
  readonly sentAt: number
}

/**
 * One seq of each epoch in a while, with the time at which it was sent. The floor of an epoch rises with age by them
 * even where the log has evicted all of its entries: by the floor, Pods tell ids that are older than the log.
 */
export class Checkpoints {
  readonly #intervalMs: number
  readonly #maxBytes: number
  readonly #checkpoints = new Deque<Checkpoint>()

  constructor(intervalMs: number, maxBytes: number) {
    this.#intervalMs = intervalMs
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#checkpoints.length * CHECKPOINT_BYTES
  }

  /** An entry of `epoch` was appended. */
  add(epoch: Epoch, seq: number, sentAt: number): void {
    if (sentAt - epoch.checkpointAt < this.#intervalMs) return
    epoch.checkpointAt = sentAt
    this.#checkpoints.push({ epoch, seq, sentAt })
    while (this.bytes > this.#maxBytes) this.#apply()
  }

  /** Raises the floors to the checkpoints that are older than `oldest`. */
  trim(oldest: number): void {
    for (let first = this.#checkpoints.at(0); first && first.sentAt < oldest; first = this.#checkpoints.at(0))
      this.#apply()
  }

  #apply(): void {
    const { epoch, seq } = this.#checkpoints.shift() as Checkpoint
    epoch.floor = Math.max(epoch.floor, seq)
  }
}
