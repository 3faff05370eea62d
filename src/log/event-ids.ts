import { formatPosition, type IdPrefix, MAX_POSITION_BYTES, PARTIAL_ENTRY } from '../wire/position.ts'
import type { Epochs } from './epochs.ts'

/** Share of `maxBytes` that a partial id fills at first, so that the next ids can leave out the same epochs. */
const FILLED_SHARE = 0.9
/** Bytes of the checksum, and of the dash before it. */
const CHECK_BYTES = 4

/** Formats positions as event ids of at most `maxBytes`, which is also the longest id that this Pod parses. */
export class EventIds {
  readonly #epochs: Epochs
  readonly #maxBytes: number
  /** Epochs that the last partial id left out. */
  #leftOut: ReadonlySet<string> = new Set()

  constructor(epochs: Epochs, maxBytes: number = MAX_POSITION_BYTES) {
    this.#epochs = epochs
    this.#maxBytes = maxBytes
  }

  /**
   * An id that would be too long leaves out `prefix`, then the epochs that have been silent for longest, and is marked
   * as partial. `last`: the epoch of the event that has the id.
   */
  format(
    position: ReadonlyMap<string, number>,
    carriedMs?: ReadonlyMap<string, number>,
    prefix?: IdPrefix,
    last?: string,
  ): string {
    const whole = formatPosition(position, carriedMs, undefined, prefix, last)
    if (whole.length <= this.#maxBytes) return whole
    const partial = formatPosition(position, carriedMs, this.#leftOut, undefined, last)
    if (partial.length <= this.#maxBytes) return partial
    this.#leftOut = this.#oldest(position, carriedMs)
    return formatPosition(position, carriedMs, this.#leftOut, undefined, last)
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
