import { type Context, Hono } from 'hono'
import {
  SIGNATURE_HEADER,
  type Signatures,
  TARGET_HEADER,
  type VerifiedRequest,
} from '../transport/signatures.ts'
import { RUNS_REQUEST_MAX_BYTES, RUNS_URL_PATH } from '../wire/run-messages.ts'
import {
  APPEND_MAX_BYTES,
  APPEND_URL_PATH,
  type Append,
  EXCHANGE_URL_PATH,
  encodeAppend,
  parseAppend,
} from '../wire/v2.ts'
import { type ExchangeRouteOptions, exchangeRoute } from './exchange-route.ts'
import { InternalGuard, type InternalGuardOptions } from './internal-guard.ts'
import { type V1RoutesOptions, v1Routes } from './legacy-v1/receiver.ts'

export interface InternalOptions
  extends InternalGuardOptions,
    Omit<ExchangeRouteOptions, 'guard'>,
    Omit<V1RoutesOptions, 'guard' | 'isAllowed'> {
  /** Undefined: this Pod has no `peerSecret`. */
  signatures: Signatures | undefined
  /** With a secret: whether this Pod accepts an append without a signature. */
  allowUnsignedPeers: boolean
  /** With a secret: whether this Pod accepts v1, which has no signatures. */
  allowGoPeers: boolean
  receive(message: Append): Append
  /** Answers the body of a request for runs. */
  receiveRuns(body: string): string
}

/** The internal sub-app: the routes to which peers post. */
export function internalRoutes(options: InternalOptions): Hono {
  const { signatures, allowUnsignedPeers, allowGoPeers, v1Connections, v1MaxBytes } = options
  const guard = new InternalGuard(options)
  /** Reads the body of a request, and verifies its signature. */
  const read = async (
    c: Context,
    path: string,
    maxBytes: number,
  ): Promise<{ body: string; verified: VerifiedRequest | undefined }> => {
    const header = c.req.header(SIGNATURE_HEADER)
    const isSigned = signatures !== undefined && !(allowUnsignedPeers && header === undefined)
    // Before the body costs anything.
    if (isSigned) signatures.precheck(header)
    const body = await guard.read(c, maxBytes, isSigned)
    if (!isSigned) return { body, verified: undefined }
    const request = { path, uid: c.req.header(TARGET_HEADER), body }
    return { body, verified: await signatures.verify(request, header) }
  }
  const signatureOf = async (
    verified: VerifiedRequest | undefined,
    status: number,
    body: string,
  ): Promise<Record<string, string>> => {
    if (verified === undefined || signatures === undefined) return {}
    return { [SIGNATURE_HEADER]: await signatures.signResponse(verified, status, body) }
  }
  /** A route with signed requests and responses; `respond` returns the body of the response. */
  const signedRoute = (path: string, maxBytes: number, respond: (body: string) => string) => {
    const answer = async (c: Context): Promise<Response> => {
      const { body, verified } = await read(c, path, maxBytes)
      // The signed 401 tells the sender this Pod's time.
      if (verified?.isCurrent === false) return c.body(null, 401, await signatureOf(verified, 401, ''))
      const response = respond(body)
      return c.body(response, 200, {
        'content-type': 'application/json',
        ...(await signatureOf(verified, 200, response)),
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
