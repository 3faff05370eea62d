/** Durations of the protocol, derived from the log's age bound. Milliseconds. */
export interface Timing {
  /** A Pod that has appended no entry of its own for this long appends a no-op entry. */
  noopIntervalMs: number
  /** Time that a peer may lack a third Pod's events before this Pod forwards them. */
  graceMs: number
  /** An exchange with a message that was on its way for longer is ended, because the ages in it are wrong. */
  maxLateMs: number
  /** A Pod that stood still for longer begins a new incarnation. */
  maxPauseMs: number
  /** The floor of an epoch is known for one entry in this time, even if the log has evicted it. */
  checkpointIntervalMs: number
  /** An epoch that is silent for this long leaves positions and ids. Over 2 ages, because an entry can live that long. */
  forgetMs: number
  /** An epoch that is silent for this long is removed from memory. */
  dropMs: number
  /**
   * Time after a Go Pod's event in which a resuming client may have missed it. 3 ages: three quarters until the next own
   * entry of this Pod, which every id after that event names; five quarters until that entry, or the next checkpoint,
   * leaves the log, so that the floor detects all earlier ids; a third because the initial sync can append an entry
   * behind a younger one.
   */
  v1GapMs: number
}

export function timing(logMaxAgeMs: number): Timing {
  const noopIntervalMs = Math.min(5_000, logMaxAgeMs / 10)
  return {
    noopIntervalMs,
    graceMs: 2.5 * noopIntervalMs,
    maxLateMs: logMaxAgeMs / 4,
    maxPauseMs: logMaxAgeMs / 2,
    checkpointIntervalMs: logMaxAgeMs / 4,
    forgetMs: 2.5 * logMaxAgeMs,
    dropMs: 3.75 * logMaxAgeMs,
    v1GapMs: 3 * logMaxAgeMs,
  }
}
