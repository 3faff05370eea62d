import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { TARGET_HEADER } from '../discovery/peer.ts'
import { SserError, type SserErrorCode } from '../errors.ts'
import { addressOf, socketOf } from '../http/address.ts'
import { declaredLength } from '../http/body.ts'
import type { BodyReader } from '../http/body-reader.ts'
import { hostFault, webPageFault } from '../http/web-pages.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { SIGNATURE_HEADER, type Signatures, type VerifiedRequest } from '../transport/signatures.ts'
import { PEER_ENDPOINT_URL_PATH, parseV1, type V1Event } from '../wire/v1.ts'
import { APPEND_MAX_BYTES, APPEND_URL_PATH, type Append, encodeAppend, parseAppend } from '../wire/v2.ts'
import type { V1Connections } from './legacy-v1/connections.ts'

export interface InternalOptions {
  errors: ErrorReporter
  bodyReader: BodyReader
  /** The longest v1 body, in bytes. */
  v1MaxBytes: number
  /** What peers must sign with; undefined: this Pod has no secret. */
  signatures: Signatures | undefined
  /** With a secret: whether an append without a signature is taken all the same. */
  allowUnsignedPeers: boolean
  /** With a secret: whether v1, which nobody signs, is taken all the same. */
  allowGoPeers: boolean
  /** By which names this Pod may be called, beside those of {@link peerAddresses}. */
  allowedInternalHosts: readonly string[]
  peerAddresses(): readonly string[]
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
  'forbidden-origin': 403,
  'length-required': 411,
  'unsupported-media-type': 415,
  'body-timeout': 408,
  'body-too-large': 413,
  'message-too-large': 413,
  overloaded: 503,
}

const JSON_TYPE = /^application\/json *(?:;|$)/i

/** The internal sub-app: what peers post. */
export function internalRoutes(options: InternalOptions): Hono {
  const { errors, bodyReader, v1MaxBytes, signatures, allowUnsignedPeers, allowGoPeers } = options
  /** For a request without a signature, which a web page cannot make. @throws SserError */
  const checkUnsigned = ({ headers }: Request) => {
    const fault = hostFault(headers, options.allowedInternalHosts, options.peerAddresses)
    if (fault !== undefined) throw fault
    // Browsers send other types without asking first.
    if (!JSON_TYPE.test(headers.get('content-type') ?? ''))
      throw new SserError('unsupported-media-type', 'Expected the Content-Type application/json')
  }
  /** Reads the body of a request that may be taken by its head. @throws SserError */
  const read = ({ req: { raw }, env }: Context, maxBytes: number, isSigned: boolean) => {
    const sender = addressOf(raw, env, 0)
    // Chunks may be of one byte each. A request that came by no socket, as in a test, declares nothing.
    if (
      raw.headers.has('transfer-encoding') ||
      (sender !== undefined && declaredLength(raw.headers) === undefined)
    )
      throw new SserError('length-required', 'A Content-Length is required; chunks are not taken')
    if (!isSigned) checkUnsigned(raw)
    return bodyReader.read(raw, maxBytes, sender, env)
  }
  /** Runs `take`, and turns what it throws into an answer. */
  const guard = async (
    c: Context,
    take: () => Promise<Response>,
    invalid: (error: SserError) => Response,
  ) => {
    /** What is left of the body is not read: the connection cannot be used again. */
    const refuse = (status: ContentfulStatusCode, text: string) =>
      c.text(`${text}\n`, status, { connection: 'close' })
    if (options.isStopped()) return refuse(503, 'stopped')
    try {
      const fault = webPageFault(c.req.raw.headers)
      if (fault !== undefined) throw fault
      const uid = c.req.header(TARGET_HEADER)
      const isMeant = uid === undefined || options.isFor(uid)
      if (isMeant === undefined) return refuse(503, 'starting')
      if (!isMeant) return refuse(421, 'meant for another Pod')
      return await take()
    } catch (cause) {
      // What is not ours to name is a body that broke off: the answer will not be read.
      const error =
        cause instanceof SserError
          ? cause
          : new SserError('invalid-peer-message', 'The body broke off', { cause })
      errors.reportRejected(error, addressOf(c.req.raw, c.env, 0))
      const status = STATUS[error.code]
      return status === undefined ? invalid(error) : refuse(status, error.message)
    }
  }
  /** An append's body, and what proves that a peer sent it. */
  const readAppend = async (c: Context): Promise<{ body: string; verified: VerifiedRequest | undefined }> => {
    const header = c.req.header(SIGNATURE_HEADER)
    const isSigned = signatures !== undefined && !(allowUnsignedPeers && header === undefined)
    // Before its body costs anything.
    if (isSigned) signatures.precheck(header)
    const body = await read(c, APPEND_MAX_BYTES, isSigned)
    if (!isSigned) return { body, verified: undefined }
    const request = { path: APPEND_URL_PATH, uid: c.req.header(TARGET_HEADER), body }
    return { body, verified: await signatures.verify(request, header) }
  }
  const signed = async (
    verified: VerifiedRequest | undefined,
    status: number,
    body: string,
  ): Promise<Record<string, string>> => {
    if (verified === undefined || signatures === undefined) return {}
    return { [SIGNATURE_HEADER]: await signatures.signResponse(verified, status, body) }
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
          options.receiveV1(parseV1(await read(c, v1MaxBytes, false)))
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
          const { body, verified } = await readAppend(c)
          // With this the sender learns what time it is here.
          if (verified?.isCurrent === false) return c.body(null, 401, await signed(verified, 401, ''))
          const answer = encodeAppend(options.receive(parseAppend(body)))
          return c.body(answer, 200, {
            'content-type': 'application/json',
            ...(await signed(verified, 200, answer)),
          })
        },
        ({ code, message }) => c.json({ code, message }, 400),
      ),
    )
}
