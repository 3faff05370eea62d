/** The protocol's times, all of them multiples of the log's age bound. Milliseconds. */
export interface Timing {
  /** A Pod that sent nothing for this long says so, with an entry that has no stream. */
  tickMs: number
  /** How long a peer may lack a third Pod's events before this Pod hands them on. */
  graceMs: number
  /** A Pod that stood still for longer begins a new life. */
  freezeMs: number
  /** An epoch silent for this long leaves positions and ids. Over 2 ages: an entry can live that long. */
  forgetMs: number
  /** An epoch silent for this long is not remembered at all. */
  dropMs: number
  /**
   * For how long after a Go Pod's event a resume may have missed it. 3 ages: one for the next entry of this Pod's
   * own, which an id must name to be later than that event; another for that entry to leave the log, so that a floor
   * tells all earlier ids; and a third, as an entry that was hydrated may stand behind a younger one.
   */
  v1GapMs: number
}

export function timing(logMaxAgeMs: number): Timing {
  const tickMs = Math.min(5_000, logMaxAgeMs / 10)
  return {
    tickMs,
    graceMs: 2.5 * tickMs,
    freezeMs: logMaxAgeMs / 2,
    forgetMs: 2.5 * logMaxAgeMs,
    dropMs: 3.75 * logMaxAgeMs,
    v1GapMs: 3 * logMaxAgeMs,
  }
}
