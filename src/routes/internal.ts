import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { SserError, type SserErrorCode } from '../errors.ts'
import type { Faults } from '../faults.ts'
import { TARGET_HEADER } from '../mesh/peer.ts'
import { type Proof, SIGNATURE_HEADER, type Signatures } from '../mesh/signatures.ts'
import type { V1Connections } from '../mesh/v1-connections.ts'
import { PEER_ENDPOINT_URL_PATH, parseV1, type V1Event } from '../wire/v1.ts'
import { APPEND_MAX_BYTES, APPEND_URL_PATH, type Append, parseAppend, printAppend } from '../wire/v2.ts'
import { addressOf, socketOf } from './address.ts'
import type { Intake } from './intake.ts'

export interface InternalOptions {
  faults: Faults
  intake: Intake
  /** The longest v1 body, in bytes. */
  v1MaxBytes: number
  /** What peers must sign with; undefined: this Pod has no secret. */
  signatures: Signatures | undefined
  /** With a secret: whether an append without a signature is taken all the same. */
  allowUnsignedPeers: boolean
  /** With a secret: whether v1, which nobody signs, is taken all the same. */
  allowGoPeers: boolean
  isStopped(): boolean
  /** Whether this Pod drains, or was stopped: Go Pods are then told not to keep their connections. */
  isDraining(): boolean
  v1Connections: V1Connections
  /** Whether a request is meant for this Pod that names the Pod with that UID; undefined: it cannot be told yet. */
  isFor(uid: string): boolean | undefined
  receive(message: Append): Append
  receiveV1(event: V1Event): void
}

const STATUS: Partial<Record<SserErrorCode, ContentfulStatusCode>> = {
  unauthorized: 401,
  'body-too-slow': 408,
  'body-too-large': 413,
  'message-too-large': 413,
  busy: 503,
}

/** The internal sub-app: what peers post. */
export function internalRoutes(options: InternalOptions): Hono {
  const { faults, intake, v1MaxBytes, signatures, allowUnsignedPeers, allowGoPeers } = options
  /** Runs `take`, and turns what it throws into an answer. */
  const guard = async (
    c: Context,
    take: () => Promise<Response>,
    invalid: (error: SserError) => Response,
  ) => {
    if (options.isStopped()) return c.text('stopped\n', 503)
    const uid = c.req.header(TARGET_HEADER)
    const isMeant = uid === undefined || options.isFor(uid)
    if (isMeant === undefined) return c.text('starting\n', 503)
    if (!isMeant) return c.text('meant for another Pod\n', 421)
    try {
      return await take()
    } catch (cause) {
      // What is not ours to name is a body that broke off: the answer will not be read.
      const error =
        cause instanceof SserError ? cause : new SserError('invalid-append', 'The body broke off', { cause })
      faults.refuse(error, senderOf(c))
      const status = STATUS[error.code]
      if (status === undefined) return invalid(error)
      // What is left of the body is not read; the connection cannot be used again.
      return c.text(`${error.message}\n`, status, { connection: 'close' })
    }
  }
  /** An append's body, and what proves that a peer sent it. */
  const readAppend = async (c: Context): Promise<{ body: string; proof: Proof | undefined }> => {
    const header = c.req.header(SIGNATURE_HEADER)
    const isSigned = signatures !== undefined && !(allowUnsignedPeers && header === undefined)
    // Before its body costs anything.
    if (isSigned) signatures.parse(header)
    const body = await intake.read(c.req.raw, APPEND_MAX_BYTES, senderOf(c))
    if (!isSigned) return { body, proof: undefined }
    const request = { path: APPEND_URL_PATH, uid: c.req.header(TARGET_HEADER), body }
    return { body, proof: await signatures.check(request, header) }
  }
  const signed = async (
    proof: Proof | undefined,
    status: number,
    body: string,
  ): Promise<Record<string, string>> => {
    if (proof === undefined || signatures === undefined) return {}
    return { [SIGNATURE_HEADER]: await signatures.signAnswer(proof, status, body) }
  }
  return new Hono()
    .use(PEER_ENDPOINT_URL_PATH, async (c, next) => {
      await next()
      const isKept = !options.isDraining()
      if (!isKept) c.header('connection', 'close')
      options.v1Connections.posted(socketOf(c.req.raw, c.env), { isKept })
    })
    .post(PEER_ENDPOINT_URL_PATH, (c) =>
      guard(
        c,
        async () => {
          if (signatures !== undefined && !allowGoPeers)
            throw new SserError('unauthorized', 'v1 is not signed; see the option allowGoPeers')
          options.receiveV1(parseV1(await intake.read(c.req.raw, v1MaxBytes, senderOf(c))))
          // Go opens a new connection for the next message unless the answer says that it has no body.
          return c.body(null, 200, { 'content-length': '0' })
        },
        () => c.text('invalid JSON\n', 400),
      ),
    )
    .post(APPEND_URL_PATH, (c) =>
      guard(
        c,
        async () => {
          const { body, proof } = await readAppend(c)
          // With this the sender learns what time it is here.
          if (proof?.isOfNow === false) return c.body(null, 401, await signed(proof, 401, ''))
          const answer = printAppend(options.receive(parseAppend(body)))
          return c.body(answer, 200, {
            'content-type': 'application/json',
            ...(await signed(proof, 200, answer)),
          })
        },
        ({ code, message }) => c.json({ code, message }, 400),
      ),
    )
}

/** Who holds the connection: no proxy stands between Pods. */
function senderOf(c: Context): string | undefined {
  return addressOf(c.req.raw, c.env, 0)
}
