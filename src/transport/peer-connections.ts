import { ExchangeClient } from './exchange-client.ts'
import { PeerClient, type PeerClientOptions } from './peer-client.ts'
import {
  defaultTransports,
  type Fetch,
  fetchTransport,
  type OpenExchange,
  type PeerTransports,
} from './peer-transport.ts'
import { RequestSigner } from './request-signer.ts'
import type { Signatures } from './signatures.ts'

export interface PeerConnectionsOptions
  extends Pick<PeerClientOptions, 'clock' | 'counters' | 'tracing' | 'requestTimeoutMs'> {
  /** Undefined: this Pod has no `peerSecret`. */
  signatures: Signatures | undefined
  allowGoPeers: boolean
  allowUnsignedPeers: boolean
  maxBufferedBodyBytes: number
  /** Sends requests in place of the runtime's transports. */
  peerFetch: Fetch | undefined
  /** Opens exchanges in place of the runtime's transports. */
  openExchange: OpenExchange | undefined
}

/** The client of one instance, and the transports of the runtime or of a test that carry its requests. */
export class PeerConnections {
  readonly client: PeerClient
  readonly #options: PeerConnectionsOptions
  readonly #signer: RequestSigner | undefined
  /** Undefined in tests without connections. */
  #exchanges: ExchangeClient | undefined

  constructor(options: PeerConnectionsOptions) {
    const { clock, counters, tracing, requestTimeoutMs, signatures } = options
    this.#options = options
    this.#signer = signatures && new RequestSigner({ ...options, signatures })
    const transports = this.#over(defaultTransports())
    this.client = new PeerClient({
      clock,
      counters,
      tracing,
      requestTimeoutMs,
      signer: this.#signer,
      ...transports,
    })
  }

  /** Sends all later requests over these transports. */
  use(transports: PeerTransports): void {
    const { transport, openExchange } = this.#over(transports)
    this.client.use(transport, openExchange)
  }

  /** Ends the open exchanges without a loss; later ones are opened on new connections. */
  closeExchanges(): void {
    this.#exchanges?.closeAll()
  }

  #over({ post, open }: PeerTransports): Pick<PeerClientOptions, 'transport' | 'openExchange'> {
    const { clock, counters, peerFetch, openExchange, maxBufferedBodyBytes } = this.#options
    if (peerFetch !== undefined) return { transport: fetchTransport(peerFetch), openExchange }
    this.#exchanges = new ExchangeClient({
      transport: open,
      clock,
      counts: counters.exchanges,
      signer: this.#signer,
      maxBufferedBytes: maxBufferedBodyBytes,
    })
    return { transport: post, openExchange: openExchange ?? this.#exchanges.open }
  }
}
