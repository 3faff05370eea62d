import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { BodyBudget } from '../http/body-reader.ts'
import type { ExchangeCounts } from '../telemetry/counters.ts'
import { LineExchange } from './line-exchange.ts'
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

/** The opening side of all exchanges of a Pod. */
export interface ExchangeClient {
  open: OpenExchange
  /** Ends the open exchanges without a loss: their links send single requests, and open others on new connections. */
  closeAll(): void
}

/** Opens exchanges with peers, signed where this Pod has a secret. */
export function exchangeClient(options: ExchangeClientOptions): ExchangeClient {
  const { transport, clock, counts, signer, maxBufferedBytes } = options
  const budget = new BodyBudget(maxBufferedBytes)
  /** Sends the head, once more where the peer tells this Pod its time. */
  const openSigned = async (request: ExchangeRequest, by: RequestSigner): Promise<Opened> => {
    const { response, binding } = await by.send(request, '', transport)
    try {
      await by.verify(binding, response)
    } catch (error) {
      response.duplex?.destroy(error)
      throw error
    }
    return { response, binding: response.signature === undefined ? undefined : binding }
  }
  const openCounted = async (request: ExchangeRequest) => {
    try {
      const { response, binding } =
        signer === undefined
          ? { response: await transport(request), binding: undefined }
          : await openSigned(request, signer)
      if (response.duplex === undefined) throw new PeerStatusError(response.status)
      return { duplex: response.duplex, macs: binding && new MessageMacs(binding, 'opening') }
    } catch (error) {
      countFallback(error)
      throw error
    }
  }
  /** This Pod itself ends an exchange that it no longer needs. */
  const countFallback = (error: unknown) => {
    if (error !== undefined && !(error instanceof SserError && error.code === 'stopped'))
      counts.fallbacks += 1
  }
  const all = new Set<LineExchange>()
  const open: OpenExchange = async (request, handler) => {
    const exchange = new LineExchange({
      ...(await openCounted(request)),
      clock,
      messageTimeoutMs: MESSAGE_TIMEOUT_MS,
      counts,
      budget,
      address: request.host,
      onGone: (error) => {
        counts.opened -= 1
        all.delete(exchange)
        countFallback(error)
        request.signal.removeEventListener('abort', abort)
      },
    })
    const abort = () => exchange.abort(request.signal.reason)
    request.signal.addEventListener('abort', abort, { once: true })
    counts.opened += 1
    all.add(exchange)
    clock.after(0, () => exchange.start(handler))
    return exchange
  }
  const closeAll = () => {
    for (const exchange of all) exchange.close()
  }
  return { open, closeAll }
}
