import type { Position } from '../wire/position.ts'

/** What this Pod knows of another Pod's log, by that Pod's epoch, whichever of the two did the talking. */
export class Acquaintance {
  readonly epoch: string
  /** When it last spoke, in an answer or a request. */
  heardAt: number
  /** When this Pod's own requests to it last worked; at first, when the two met. */
  workedAt: number
  #position: ReadonlyMap<string, number> = new Map()
  /** By epoch, a seq that it is known to lack, and since when. */
  readonly #lacking = new Map<string, { seq: number; since: number }>()

  constructor(epoch: string, now: number) {
    this.epoch = epoch
    this.heardAt = now
    this.workedAt = now
  }

  /** The seq of `epoch` up to which it has everything. */
  has(epoch: string): number {
    return this.#position.get(epoch) ?? 0
  }

  /** Since when it lacks something of `epoch` that this Pod has. */
  lackingSince(epoch: string): number | undefined {
    return this.#lacking.get(epoch)?.since
  }

  /** Takes note of where it stands, seen against `own`, where this Pod stands. */
  hear(position: Position, own: Position, now: number): void {
    this.heardAt = now
    // Within one life a Pod only advances: of two messages that overtook each other, the higher is the later.
    const merged = new Map(position)
    for (const [epoch, seq] of this.#position) {
      if (position.has(epoch) && seq > (position.get(epoch) as number)) merged.set(epoch, seq)
    }
    this.#position = merged
    for (const [epoch, seq] of own) {
      const has = this.has(epoch)
      if (has >= seq) this.#lacking.delete(epoch)
      // In a busy fleet it always lacks something; what counts is whether it still lacks the same.
      else if (has >= (this.#lacking.get(epoch)?.seq ?? 0)) this.#lacking.set(epoch, { seq, since: now })
    }
    for (const epoch of this.#lacking.keys()) if (!own.has(epoch)) this.#lacking.delete(epoch)
  }
}
