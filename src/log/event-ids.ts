import {
  formatIdAfter,
  formatIdPrefix,
  formatPosition,
  type IdPrefix,
  MAX_POSITION_BYTES,
  PARTIAL_ENTRY,
} from '../wire/position.ts'
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
  /** Epoch of the last {@link formatEvent}, and its ids up to the seq. */
  #epoch: string | undefined
  #prefix: IdPrefix | undefined

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

  /** The id of one event by itself, as its receipt has it. */
  formatEvent(epoch: string, seq: number): string {
    if (epoch !== this.#epoch || this.#prefix === undefined) {
      this.#epoch = epoch
      this.#prefix = formatIdPrefix([], epoch)
    }
    return formatIdAfter(this.#prefix, seq)
  }

  /** Formats the ids of events in a row, of which `position` is that before the first. */
  moving(position: Map<string, number>): MovingPosition {
    return new MovingPosition(position, this, this.#maxBytes)
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

/**
 * A position that moves from event to event, and its ids. Events of one epoch in a row have ids that differ in the last seq alone,
 * so the rest of the id is formatted and hashed once for all of them.
 */
export class MovingPosition {
  readonly #position: Map<string, number>
  readonly #ids: EventIds
  readonly #maxBytes: number
  /** The entry that moved last. */
  #epoch = ''
  #seq = 0
  /** The id up to its seq; undefined: not formatted since another entry moved. */
  #prefix: IdPrefix | undefined

  constructor(position: Map<string, number>, ids: EventIds, maxBytes: number) {
    this.#position = position
    this.#ids = ids
    this.#maxBytes = maxBytes
  }

  /** Moves the position to an event. */
  move(epoch: string, seq: number): void {
    this.#position.set(epoch, seq)
    if (epoch !== this.#epoch) this.#prefix = undefined
    this.#epoch = epoch
    this.#seq = seq
  }

  /** The id of the event of the last {@link move}. */
  formatEvent(): string {
    this.#prefix ??= formatIdPrefix(this.#position, this.#epoch)
    const id = formatIdAfter(this.#prefix, this.#seq)
    return id.length <= this.#maxBytes
      ? id
      : this.#ids.format(this.#position, undefined, undefined, this.#epoch)
  }

  /** The id of the position itself. */
  format(): string {
    return this.#ids.format(this.#position)
  }
}
