import type { Position } from '../wire/position.ts'

/** What this Pod knows of another Pod's log, by that Pod's epoch, whichever of the two did the talking. */
export class Acquaintance {
  readonly epoch: string
  /** When it last spoke, in an answer or a request. */
  heardAt: number
  /** When this Pod's own requests to it last worked; at first, when the two met. */
  workedAt: number
  #position: ReadonlyMap<string, number> = new Map()
  /** Since when it is known to lack something of a third Pod. */
  readonly #lackingSince = new Map<string, number>()

  constructor(epoch: string, now: number) {
    this.epoch = epoch
    this.heardAt = now
    this.workedAt = now
  }

  /** The seq of `epoch` up to which it has everything. */
  has(epoch: string): number {
    return this.#position.get(epoch) ?? 0
  }

  /** Of all epochs together: more, whenever it took something. */
  get sum(): number {
    let sum = 0
    for (const seq of this.#position.values()) sum += seq
    return sum
  }

  /** Since when it lacks something of `epoch` that this Pod has. */
  lackingSince(epoch: string): number | undefined {
    return this.#lackingSince.get(epoch)
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
      if (this.has(epoch) >= seq) this.#lackingSince.delete(epoch)
      else if (!this.#lackingSince.has(epoch)) this.#lackingSince.set(epoch, now)
    }
    for (const epoch of this.#lackingSince.keys()) if (!own.has(epoch)) this.#lackingSince.delete(epoch)
  }
}
