import { formatPosition, MAX_POSITION_BYTES, PARTIAL_ENTRY } from '../wire/position.ts'
import type { Epochs } from './epochs.ts'

/** Part of the room that ids take where entries are left out, so that the same are left out of the next ids, too. */
const FILLED_SHARE = 0.9
/** Bytes of the check, and of the dash before it. */
const CHECK_BYTES = 4

/** Prints positions as ids of at most `maxBytes`: a Pod reads the ids that it prints. */
export class Ids {
  readonly #epochs: Epochs
  readonly #maxBytes: number
  /** The epochs that were left out last. */
  #leftOut: ReadonlySet<string> = new Set()

  constructor(epochs: Epochs, maxBytes: number = MAX_POSITION_BYTES) {
    this.#epochs = epochs
    this.#maxBytes = maxBytes
  }

  /** Where an id would be too long, it leaves out the epochs that have been silent for longest, and says so. */
  print(position: ReadonlyMap<string, number>, carriedMs?: ReadonlyMap<string, number>): string {
    const whole = formatPosition(position, carriedMs)
    if (whole.length <= this.#maxBytes) return whole
    const partial = formatPosition(position, carriedMs, this.#leftOut)
    if (partial.length <= this.#maxBytes) return partial
    this.#leftOut = this.#oldest(position, carriedMs)
    return formatPosition(position, carriedMs, this.#leftOut)
  }

  #oldest(
    position: ReadonlyMap<string, number>,
    carriedMs: ReadonlyMap<string, number> | undefined,
  ): Set<string> {
    const activeAt = (epoch: string) => this.#epochs.get(epoch)?.lastActive ?? Number.NEGATIVE_INFINITY
    const epochs = [...position.keys()].sort((one, other) => activeAt(other) - activeAt(one))
    const leftOut = new Set<string>()
    let left = this.#maxBytes * FILLED_SHARE - PARTIAL_ENTRY.length - CHECK_BYTES
    for (const epoch of epochs) {
      left -= formatPosition([[epoch, position.get(epoch) as number]], carriedMs).length - CHECK_BYTES + 1
      if (left < 0) leftOut.add(epoch)
    }
    return leftOut
  }
}
