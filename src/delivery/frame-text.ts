import type { EventEntry, V1EventEntry } from '../log/entry.ts'
import { eventFrame, type GapReason, gapFrame } from '../wire/sse-frame.ts'
import type { SliceOutput } from './reader.ts'

/** A slice of the log as the frames of one connection. */
export class FrameText implements SliceOutput {
  text = ''
  readonly #hasIds: boolean

  constructor(hasIds: boolean) {
    this.#hasIds = hasIds
  }

  get length(): number {
    return this.text.length
  }

  event(entry: EventEntry | V1EventEntry, formatId: () => string): void {
    const msg = entry.msg as string
    if (entry.kind === 'v1-event') this.text += eventFrame({ msg })
    else this.text += eventFrame({ id: this.#hasIds ? formatId() : undefined, event: entry.event, msg })
  }

  gap(reason: GapReason, formatId: () => string): void {
    this.text += gapFrame(this.#hasIds ? formatId() : undefined, reason)
  }
}
