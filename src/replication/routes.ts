import { type Context, Hono } from 'hono'
import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { addressOf } from '../http/address.ts'
import type { BodyBudget } from '../http/body-reader.ts'
import { acceptDuplex } from '../http/duplex.ts'
import type { ExchangeCounts } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { LineExchange } from '../transport/line-exchange.ts'
import type { AcceptExchange } from '../transport/peer-transport.ts'
import { MessageMacs } from '../transport/signatures.ts'
import {
  APPEND_MAX_BYTES,
  APPEND_URL_PATH,
  type Append,
  EXCHANGE_URL_PATH,
  encodeAppend,
  parseAppend,
} from '../wire/append-message.ts'
import { RUNS_REQUEST_MAX_BYTES, RUNS_URL_PATH } from '../wire/run-messages.ts'
import { InternalGuard, type InternalGuardOptions } from './internal-guard.ts'
import { type V1RoutesOptions, v1Routes } from './legacy-v1/receiver.ts'

export interface InternalOptions
  extends InternalGuardOptions,
    Omit<ExchangeRouteOptions, 'guard'>,
    Omit<V1RoutesOptions, 'guard' | 'isAllowed'> {
  /** With a secret: whether this Pod accepts v1, which has no signatures. */
  allowGoPeers: boolean
  receive(message: Append): Append
  /** Answers the body of a request for runs. */
  receiveRuns(body: string): string
}

/** The internal sub-app: the routes to which peers post. */
export function internalRoutes(options: InternalOptions): Hono {
  const { signatures, allowGoPeers, v1Connections, v1MaxBytes } = options
  const guard = new InternalGuard(options)
  /** A route with signed requests and responses; `respond` returns the body of the response. */
  const signedRoute = (path: string, maxBytes: number, respond: (body: string) => string) => {
    const answer = async (c: Context): Promise<Response> => {
      const signature = guard.checkSignature(c, path)
      const body = await guard.read(c, maxBytes, signature.isSigned)
      const verified = await signature.verify(body)
      if (verified?.isCurrent === false) return c.body(null, 401, await signature.headers(401, ''))
      const response = respond(body)
      return c.body(response, 200, {
        'content-type': 'application/json',
        ...(await signature.headers(200, response)),
      })
    }
    return (c: Context) =>
      guard.run(
        c,
        () => answer(c),
        ({ code, message }) => c.json({ code, message }, 400),
      )
  }
  const v1 = v1Routes({
    guard,
    v1MaxBytes,
    isAllowed: signatures === undefined || allowGoPeers,
    v1Connections,
    isDraining: options.isDraining,
    receiveV1: options.receiveV1,
  })
  return new Hono()
    .post(
      APPEND_URL_PATH,
      signedRoute(APPEND_URL_PATH, APPEND_MAX_BYTES, (body) =>
        encodeAppend(options.receive(parseAppend(body))),
      ),
    )
    .post(
      RUNS_URL_PATH,
      signedRoute(RUNS_URL_PATH, RUNS_REQUEST_MAX_BYTES, (body) => options.receiveRuns(body)),
    )
    .post(EXCHANGE_URL_PATH, exchangeRoute({ ...options, guard }))
    .route('/', v1)
}

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
  accept: AcceptExchange
}

/** The route on which peers open exchanges. */
export function exchangeRoute(options: ExchangeRouteOptions): (c: Context) => Promise<Response> {
  const { guard } = options
  const perAddress = new Map<string, number>()
  const open = async (c: Context): Promise<Response> => {
    const signature = guard.checkSignature(c, EXCHANGE_URL_PATH)
    const verified = await signature.verify('')
    guard.checkOpenBody(c, signature.isSigned)
    const status = verified?.isCurrent === false ? 401 : 200
    const headers = { ...HEADERS, ...(await signature.headers(status, '')) }
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
