import { eventFrame, gapFrame } from '../wire/frame.ts'
import { printPosition } from '../wire/position.ts'
import type { Log } from './log.ts'

/** A slice ends with the event that takes it past this length, in UTF-16 units. */
const SLICE_LENGTH = 65_536

/** Writes the frames of one reader's next slice of the log, each with the reader's position just after it. */
export class SliceWriter {
  text = ''
  readonly #log: Log
  readonly #now: number

  constructor(log: Log, now: number) {
    this.#log = log
    this.#now = now
  }

  /** Reads `streams` from the item `cursor` on; returns where the next slice begins. */
  read(streams: readonly string[], cursor: number): number {
    const from = Math.max(cursor, this.#log.tail)
    const position = this.#log.positionAt(from, this.#now)
    if (cursor < from) this.text += gapFrame(printPosition(position), 'stalled')
    for (const item of this.#log.read(streams, from)) {
      if (item.kind === 'hole') {
        position.set(item.epoch, item.seq)
        this.text += gapFrame(printPosition(position), 'hole')
      } else if (item.epoch === undefined) {
        this.text += eventFrame(item)
      } else {
        // Other streams' events are left out of this id: it claims less than it could, and never too much.
        position.set(item.epoch, item.seq)
        this.text += eventFrame({ id: printPosition(position), event: item.event, msg: item.msg })
      }
      if (this.text.length > SLICE_LENGTH) return item.index + 1
    }
    return this.#log.head
  }
}
