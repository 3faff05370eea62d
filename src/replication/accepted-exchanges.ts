import { SserError } from '../errors.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Exchange, ExchangeHandler } from '../transport/peer-transport.ts'
import { type ExchangeContext, LinkExchange } from './link-exchange.ts'
import type { PeerProgress } from './peer-progress.ts'

export interface AcceptedExchangesOptions {
  context: ExchangeContext
  errors: ErrorReporter
  maxExchanges(): number
  /** Returns whether a link of this Pod leads to the peer. */
  isLinked(peer: PeerProgress): boolean
  /** A peer has told its whole position. */
  onPosition(peer: PeerProgress): void
}

/** The exchanges that peers have opened: this Pod acknowledges in them, and sends entries only if it cannot otherwise. */
export class AcceptedExchanges {
  readonly #options: AcceptedExchangesOptions
  /** The oldest is the first. */
  readonly #exchanges = new Set<LinkExchange>()

  constructor(options: AcceptedExchangesOptions) {
    this.#options = options
  }

  accept(exchange: Exchange): ExchangeHandler {
    const { context, errors, maxExchanges, onPosition } = this.#options
    const accepted: LinkExchange = new LinkExchange(context, {
      isOpener: false,
      // Otherwise the same entries would cross in the exchange that this Pod has opened.
      maySend: (peer, now) => now - peer.lastSuccessAt > context.log.timing.graceMs,
      onOpen: (peer) => this.#endOlder(accepted, peer),
      onPosition,
      onEnd: (error) => {
        this.#exchanges.delete(accepted)
        if (error instanceof SserError && error.code === 'invalid-peer-message')
          errors.report(error, { stage: 'receive' })
      },
    })
    if (this.#exchanges.size >= maxExchanges())
      this.#leastKnown()?.abort(new SserError('overloaded', 'too many exchanges'))
    this.#exchanges.add(accepted)
    accepted.begin(exchange)
    return accepted
  }

  /** Sends this Pod's position to each peer. */
  beat(): void {
    for (const exchange of this.#exchanges) exchange.beat()
  }

  /** Acknowledges what was applied, and ends the exchanges. */
  stop(): void {
    for (const exchange of this.#exchanges) exchange.close()
  }

  /** The oldest exchange of a peer that no link leads to, so that a sender of many others does not end those of the links. */
  #leastKnown(): LinkExchange | undefined {
    const { isLinked } = this.#options
    const [oldest] = this.#exchanges
    for (const exchange of this.#exchanges)
      if (exchange.peer === undefined || !isLinked(exchange.peer)) return exchange
    return oldest
  }

  /** A peer has one exchange: an earlier one is half open. */
  #endOlder(accepted: LinkExchange, peer: PeerProgress): void {
    for (const other of this.#exchanges) {
      if (other !== accepted && other.peer === peer)
        other.abort(new SserError('peer-failed', 'the peer has opened another exchange'))
    }
  }
}
