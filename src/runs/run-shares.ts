import { UniqueQueue } from '../log/unique-queue.ts'
import type { RunRecord } from './run-directory.ts'

export interface RunSharesOptions {
  /** The epoch of this Pod. */
  ownEpoch(): string
  /** Returns whether this Pod has received an entry of the epoch. */
  isHeard(epoch: string): boolean
}

interface Share {
  readonly records: UniqueQueue<RunRecord>
  /** Those with an end, in the order in which this Pod learned of it. */
  readonly ended: UniqueQueue<RunRecord>
}

/**
 * The known runs of each Pod, so that those of one cannot take the place of all others. The Pods that this Pod has received no entry
 * of have one share together, because a peer may have invented them.
 */
export class RunShares {
  readonly #options: RunSharesOptions
  readonly #shares = new Map<string, Share>()
  /** The share of each record: its Pod may be heard later. */
  readonly #keys = new Map<RunRecord, string>()

  constructor(options: RunSharesOptions) {
    this.#options = options
  }

  add(record: RunRecord): void {
    const key = this.#keyOf(record.epoch)
    const share = this.#shares.get(key) ?? { records: new UniqueQueue(), ended: new UniqueQueue() }
    this.#shares.set(key, share)
    this.#keys.set(record, key)
    share.records.add(record)
  }

  onEnd(record: RunRecord): void {
    this.#shareOf(record)?.ended.add(record)
  }

  delete(record: RunRecord): void {
    const share = this.#shareOf(record)
    share?.records.delete(record)
    share?.ended.delete(record)
    if (share?.records.size === 0) this.#shares.delete(this.#keys.get(record) as string)
    this.#keys.delete(record)
  }

  /**
   * The record that goes to make room for one of the epoch: of the largest share the oldest ended one, or the oldest running one,
   * where the share of the epoch is smaller. For this Pod, which always knows its own runs, no running one. Undefined: there is
   * none.
   */
  victimFor(epoch: string): RunRecord | undefined {
    const own = this.#options.ownEpoch()
    const size = this.#shares.get(this.#keyOf(epoch))?.records.size ?? 0
    let largest: Share | undefined
    for (const [key, share] of this.#shares) {
      // This Pod writes the runs of its own that have not ended.
      const isCandidate = key !== own || share.ended.size > 0
      if (isCandidate && share.records.size > (largest?.records.size ?? 0)) largest = share
    }
    const ended = largest?.ended.oldest
    if (ended !== undefined || largest === undefined || epoch === own) return ended
    if (largest.records.size <= size + 1) return undefined
    return largest.records.oldest
  }

  #shareOf(record: RunRecord): Share | undefined {
    return this.#shares.get(this.#keys.get(record) ?? '')
  }

  #keyOf(epoch: string): string {
    return this.#options.isHeard(epoch) ? epoch : ''
  }
}
