/** Counts of the exchanges with peers, over all incarnations. */
export class ExchangeCounts {
  /** Open exchanges that this Pod opened. */
  opened = 0
  /** Open exchanges that it accepted. */
  accepted = 0
  /** Exchanges that were not opened, or broke off, so that a link went back to single requests. */
  fallbacks = 0
  /** Text of messages that was written, in UTF-16 units, which are bytes unless a text has other characters than those of ASCII. */
  sentBytes = 0
  receivedBytes = 0
}
