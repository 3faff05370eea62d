import type { Clock } from '../clock.ts'

/** Time for which entries wait for others or for an acknowledgement, in milliseconds. */
const GATHER_MS = 1
/** Interval at which sections of the side channel leave, while there are more, in milliseconds. */
const SECTION_MS = 1

/** When the messages of one side of an exchange leave: a busy Pod does not send one in each turn of the event loop. */
export class MessagePace {
  readonly #clock: Clock
  readonly #onDue: () => void
  /** When messages were last written, and the time before. */
  #wroteAt = Number.NEGATIVE_INFINITY
  #wroteBefore = Number.NEGATIVE_INFINITY
  /** When a section was last written, and when the next one is due at regular intervals. */
  #sectionWroteAt = Number.NEGATIVE_INFINITY
  #sectionAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  /** Calls `onDue` when what has waited is to be written. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /**
   * Returns whether entries wait for others: while messages are unacknowledged, the third of a moment and those after it leave
   * together.
   * @see https://www.rfc-editor.org/rfc/rfc896
   */
  holdsEntries(now: number): boolean {
    if (now - this.#wroteBefore >= GATHER_MS) return false
    this.#wake(GATHER_MS)
    return true
  }

  /**
   * Returns whether sections wait for more: two may leave at once, and further ones at intervals.
   * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
   */
  holdsSections(now: number): boolean {
    const waitMs = this.#sectionAt - SECTION_MS - now
    if (waitMs <= 0) return false
    this.#wake(waitMs)
    return true
  }

  /** A message was written. */
  onWritten(now: number, hasSection: boolean): void {
    if (hasSection && this.#sectionWroteAt !== now) {
      this.#sectionWroteAt = now
      this.#sectionAt = Math.max(this.#sectionAt, now) + SECTION_MS
    }
    if (this.#wroteAt === now) return
    this.#wroteBefore = this.#wroteAt
    this.#wroteAt = now
  }

  stop(): void {
    this.#cancel?.()
  }

  #wake(ms: number): void {
    this.#cancel ??= this.#clock.after(ms, () => {
      this.#cancel = undefined
      this.#onDue()
    })
  }
}
