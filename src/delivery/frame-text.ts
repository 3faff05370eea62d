import type { EventEntry, V1EventEntry } from '../log/entry.ts'
import { eventFrame, type FrameFormat, type GapReason, gapFrame, STANDARD } from '../wire/sse-frame.ts'
import type { SliceOutput } from './reader.ts'

/** A slice of the log as the frames of one connection. */
export class FrameText implements SliceOutput {
  text = ''
  readonly #hasIds: boolean
  readonly #format: FrameFormat

  constructor(hasIds: boolean, format: FrameFormat = STANDARD) {
    this.#hasIds = hasIds
    this.#format = format
  }

  get length(): number {
    return this.text.length
  }

  event(entry: EventEntry | V1EventEntry, formatId: (last?: string) => string): void {
    const msg = entry.msg as string
    const isNumbered = entry.kind === 'event'
    const id = isNumbered && this.#hasIds ? formatId(entry.epoch) : undefined
    const event = isNumbered ? entry.event : undefined
    this.text += this.#format.event(eventFrame({ id, event, msg }), entry.stream, event)
  }

  gap(reason: GapReason, formatId: () => string): void {
    this.text += this.#format.own(gapFrame(this.#hasIds ? formatId() : undefined, reason))
  }
}
