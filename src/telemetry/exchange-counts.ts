/** Counts of the exchanges with peers, over all incarnations. */
export class ExchangeCounts {
  /** Open now: those that this Pod opened, and those that it accepted. */
  opened = 0
  accepted = 0
  /** Exchanges that a peer did not accept, or that a proxy did not pass on. */
  refused = 0
  /** Exchanges that broke off, or that a peer's fault ended. */
  broken = 0
  sentBytes = 0
  receivedBytes = 0
}
