/**
 * One open exchange with a peer: texts in both directions, each direction in order, until one side ends it. A text is
 * JSON, so it has no line feed, and the exchange may frame texts by one. An exchange loses no text but the last ones of
 * a direction: a receiver has every text before one that it has.
 */
export interface Exchange {
  /** Sends a text. Never blocks and never throws; the texts of one turn of the event loop may leave in one write. */
  send(text: string): void
  /** Bytes that were sent here and that the network has not taken. */
  readonly bufferedBytes: number
  /** Ends this direction after all texts that were sent. The peer then ends its own. */
  close(): void
  /** Ends both directions at once; texts that the network has not taken are lost. */
  abort(reason: unknown): void
}

/** Receives the texts of an exchange, and its end. */
export interface ExchangeHandler {
  onMessage(text: string): void
  /**
   * Called once, and nothing after it. Without an error the peer closed its direction, and no text of it is missing. After
   * {@link Exchange.abort} of this side the error is its reason.
   */
  onClose(error?: unknown): void
}

/** The head of an exchange with a peer. */
export interface ExchangeRequest {
  /** `address:port`. */
  readonly host: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Aborts the exchange, open or not yet. */
  readonly signal: AbortSignal
}

/**
 * Opens an exchange. Resolves when the peer has accepted it: its response has the status 200. The handler is called at
 * the earliest in the turn after that. It MUST NOT follow redirects.
 * @throws PeerStatusError with the status of any other response; the error of the network; the signal's reason.
 */
export type OpenExchange = (request: ExchangeRequest, handler: ExchangeHandler) => Promise<Exchange>

/**
 * Takes an exchange that a peer opened, and returns the receiver of its texts. It may send at once.
 * @throws SserError `stopped` where this Pod takes no exchange.
 */
export type AcceptExchange = (exchange: Exchange) => ExchangeHandler
