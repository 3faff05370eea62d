import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { BodyBudget } from '../http/body-reader.ts'
import type { ExchangeCounts } from '../telemetry/counters.ts'
import { LineExchange, type LineExchangeOptions } from './line-exchange.ts'
import {
  type DuplexResponse,
  type DuplexTransport,
  type ExchangeRequest,
  type OpenExchange,
  PeerStatusError,
} from './peer-transport.ts'
import type { RequestSigner } from './request-signer.ts'
import { MessageMacs, type RequestBinding } from './signatures.ts'

/** Time in which one message of a peer must arrive, in milliseconds. */
const MESSAGE_TIMEOUT_MS = 10_000

export interface ExchangeClientOptions {
  transport: DuplexTransport
  clock: Clock
  counts: ExchangeCounts
  /** Undefined: this Pod has no `peerSecret`. */
  signer: RequestSigner | undefined
  /** Maximum bytes that are buffered for all peers. */
  maxBufferedBytes: number
}

/** The response to the head of an exchange, and the binding of its messages where both sides sign. */
interface Opened {
  response: DuplexResponse
  binding: RequestBinding | undefined
}

/** The opening side of all exchanges of a Pod. They are signed where this Pod has a secret. */
export class ExchangeClient {
  readonly #options: ExchangeClientOptions
  readonly #budget: BodyBudget
  readonly #exchanges = new Set<LineExchange>()

  constructor(options: ExchangeClientOptions) {
    this.#options = options
    this.#budget = new BodyBudget(options.maxBufferedBytes)
  }

  /** Opens an exchange. @see OpenExchange */
  readonly open: OpenExchange = async (request, handler) => {
    const { clock, counts } = this.#options
    const { signal } = request
    const exchange = new LineExchange({
      ...(await this.#connect(request)),
      clock,
      messageTimeoutMs: MESSAGE_TIMEOUT_MS,
      counts,
      budget: this.#budget,
      address: request.host,
      onGone: (error) => {
        counts.opened -= 1
        this.#exchanges.delete(exchange)
        this.#countFallback(error)
        signal.removeEventListener('abort', abort)
      },
    })
    const abort = () => exchange.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    counts.opened += 1
    this.#exchanges.add(exchange)
    clock.after(0, () => exchange.start(handler))
    return exchange
  }

  /** Ends the open exchanges without a loss: their links send single requests, and open others on new connections. */
  closeAll(): void {
    for (const exchange of this.#exchanges) exchange.close()
  }

  async #connect(request: ExchangeRequest): Promise<Pick<LineExchangeOptions, 'duplex' | 'macs'>> {
    const { signer, transport } = this.#options
    try {
      const { response, binding } =
        signer === undefined
          ? { response: await transport(request), binding: undefined }
          : await this.#sendSigned(request, signer)
      if (response.duplex === undefined) throw new PeerStatusError(response.status)
      return { duplex: response.duplex, macs: binding && new MessageMacs(binding, 'opening') }
    } catch (error) {
      this.#countFallback(error)
      throw error
    }
  }

  /** Sends the head, once more where the peer tells this Pod its time. */
  async #sendSigned(request: ExchangeRequest, signer: RequestSigner): Promise<Opened> {
    const { response, binding } = await signer.send(request, '', this.#options.transport)
    try {
      await signer.verify(binding, response)
    } catch (error) {
      response.duplex?.destroy(error)
      throw error
    }
    return { response, binding: response.signature === undefined ? undefined : binding }
  }

  /** Counts an exchange that has failed, unless this Pod itself ended it because it no longer needs it. */
  #countFallback(error: unknown): void {
    if (error !== undefined && !(error instanceof SserError && error.code === 'stopped'))
      this.#options.counts.fallbacks += 1
  }
}
