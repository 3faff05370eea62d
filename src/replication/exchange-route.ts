import type { Context } from 'hono'
import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { addressOf } from '../http/address.ts'
import type { BodyBudget } from '../http/body-reader.ts'
import { acceptDuplex } from '../http/duplex.ts'
import type { ExchangeCounts } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { AcceptExchange } from '../transport/exchange.ts'
import { LineExchange } from '../transport/line-exchange.ts'
import { MessageMacs, SIGNATURE_HEADER, type Signatures, TARGET_HEADER } from '../transport/signatures.ts'
import { EXCHANGE_URL_PATH } from '../wire/v2.ts'
import type { InternalGuard } from './internal-guard.ts'

/** Maximum number of open exchanges from one address: that of a sidecar, or of a machine with many Pods. */
const MAX_PER_ADDRESS = 256

/** Keep proxies from collecting, compressing or storing what is sent; the connection ends with the exchange. */
const HEADERS = {
  connection: 'close',
  'content-type': 'application/x-ndjson',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
} as const

export interface ExchangeRouteOptions {
  guard: InternalGuard
  errors: ErrorReporter
  clock: Clock
  /** Limit of the bytes that are buffered for all bodies. */
  bodyBudget: BodyBudget
  /** Time in which one message must arrive, in milliseconds. */
  internalBodyTimeoutMs: number
  exchangeCounts: ExchangeCounts
  /** Undefined: this Pod has no `peerSecret`. */
  signatures: Signatures | undefined
  /** With a secret: whether this Pod accepts an exchange without a signature. */
  allowUnsignedPeers: boolean
  accept: AcceptExchange
}

/** The route on which peers open exchanges. */
export function exchangeRoute(options: ExchangeRouteOptions): (c: Context) => Promise<Response> {
  const { guard, signatures } = options
  const perAddress = new Map<string, number>()
  const open = async (c: Context): Promise<Response> => {
    const header = c.req.header(SIGNATURE_HEADER)
    const isSigned = signatures !== undefined && !(options.allowUnsignedPeers && header === undefined)
    if (isSigned) signatures.precheck(header)
    const request = { path: EXCHANGE_URL_PATH, uid: c.req.header(TARGET_HEADER), body: '' }
    const verified = isSigned ? await signatures.verify(request, header) : undefined
    guard.checkOpenBody(c, isSigned)
    const status = verified?.isCurrent === false ? 401 : 200
    const signature =
      verified === undefined ? undefined : await signatures?.signResponse(verified, status, '')
    const headers = { ...HEADERS, ...(signature !== undefined && { [SIGNATURE_HEADER]: signature }) }
    // The signed 401 tells the sender this Pod's time.
    if (status === 401) return c.body(null, 401, headers)
    const address = addressOf(c.req.raw, c.env, 0) ?? ''
    const count = perAddress.get(address) ?? 0
    if (count >= MAX_PER_ADDRESS)
      throw new SserError('overloaded', `An address has at most ${MAX_PER_ADDRESS} exchanges`)
    const { duplex, response } = acceptDuplex(c.req.raw, c.env, headers)
    perAddress.set(address, count + 1)
    options.exchangeCounts.accepted += 1
    const exchange = new LineExchange({
      duplex,
      macs: verified && new MessageMacs(verified, 'accepting'),
      clock: options.clock,
      messageTimeoutMs: options.internalBodyTimeoutMs,
      counts: options.exchangeCounts,
      budget: options.bodyBudget,
      address,
      onRejected: (error) => options.errors.reportRejected(error, address === '' ? undefined : address),
      onGone: () => {
        options.exchangeCounts.accepted -= 1
        const left = (perAddress.get(address) ?? 0) - 1
        if (left > 0) perAddress.set(address, left)
        else perAddress.delete(address)
      },
    })
    try {
      exchange.start(options.accept(exchange))
    } catch (error) {
      exchange.abort(error)
    }
    return response
  }
  return (c) =>
    guard.run(
      c,
      () => open(c),
      ({ message, status }) => c.text(`${message}\n`, status, { connection: 'close' }),
    )
}
