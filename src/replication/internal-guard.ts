import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { SserError, type SserErrorCode } from '../errors.ts'
import { addressOf } from '../http/address.ts'
import { declaredLength, JSON_TYPE } from '../http/body.ts'
import type { BodyReader } from '../http/body-reader.ts'
import { hostError, webPageError } from '../http/web-pages.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import {
  SIGNATURE_HEADER,
  type Signatures,
  TARGET_HEADER,
  type VerifiedRequest,
} from '../transport/signatures.ts'

export interface InternalGuardOptions {
  errors: ErrorReporter
  bodyReader: BodyReader
  /** Names under which this Pod accepts requests, beside those of {@link peerAddresses}. */
  allowedInternalHosts: readonly string[]
  peerAddresses(): readonly string[]
  isStopped(): boolean
  /** Called for each request, before its checks. */
  onRequest(): void
  /** Returns whether a request with that target UID is for this Pod; undefined: this Pod does not know its own UID yet. */
  isFor(uid: string): boolean | undefined
  /** Undefined: this Pod has no `peerSecret`. */
  signatures: Signatures | undefined
  /** With a secret: whether this Pod accepts a request without a signature. */
  allowUnsignedPeers: boolean
}

/** The signature of a request, if this Pod wants one. */
interface RequestSignature {
  /** False: this Pod accepts the request without a signature. */
  readonly isSigned: boolean
  /**
   * Verifies the signature once the body is known; undefined for a request without one. Where the sender has another time than
   * this Pod, a signed 401 is to tell it this Pod's time.
   * @throws SserError `unauthorized`
   */
  verify(body: string): Promise<VerifiedRequest | undefined>
  /** The headers that sign a response. */
  headers(status: number, body: string): Promise<Record<string, string>>
}

/**
 * Errors of a request with a body that was not read, or not to its end. Each path answers the others: invalid contents.
 */
const UNREAD: ReadonlySet<SserErrorCode> = new Set([
  'unauthorized',
  'forbidden-origin',
  'length-required',
  'unsupported-media-type',
  'body-timeout',
  'body-too-large',
  'message-too-large',
  'overloaded',
])

const UNSIGNED: RequestSignature = {
  isSigned: false,
  verify: async () => undefined,
  headers: async () => ({}),
}

/** Checks that each request on the internal port needs, whatever its path. */
export class InternalGuard {
  readonly #options: InternalGuardOptions

  constructor(options: InternalGuardOptions) {
    this.#options = options
  }

  /** Calls `accept` for a request to this Pod, and turns an error into a response. */
  async run(
    c: Context,
    accept: () => Promise<Response>,
    invalid: (error: SserError) => Response,
  ): Promise<Response> {
    /** The rest of the body is not read, so the connection cannot be used again. */
    const reject = (status: ContentfulStatusCode, text: string) =>
      c.text(`${text}\n`, status, { connection: 'close' })
    this.#options.onRequest()
    if (this.#options.isStopped()) return reject(503, 'stopped')
    try {
      const error = webPageError(c.req.raw.headers)
      if (error !== undefined) throw error
      const uid = c.req.header(TARGET_HEADER)
      const isForThisPod = uid === undefined || this.#options.isFor(uid)
      if (isForThisPod === undefined) return reject(503, 'starting')
      if (!isForThisPod) return reject(421, 'meant for another Pod')
      return await accept()
    } catch (cause) {
      // Any other error is that of a body that broke off; the sender will not read the response.
      const error =
        cause instanceof SserError
          ? cause
          : new SserError('invalid-peer-message', 'The body broke off', { cause })
      this.#options.errors.reportRejected(error, addressOf(c.req.raw, c.env, 0))
      return UNREAD.has(error.code) ? reject(error.status, error.message) : invalid(error)
    }
  }

  /** Checks the form of a request's signature, before its body costs anything. @throws SserError `unauthorized` */
  checkSignature({ req }: Context, path: string): RequestSignature {
    const { signatures, allowUnsignedPeers } = this.#options
    const header = req.header(SIGNATURE_HEADER)
    if (signatures === undefined || (allowUnsignedPeers && header === undefined)) return UNSIGNED
    signatures.precheck(header)
    let verified: VerifiedRequest | undefined
    return {
      isSigned: true,
      verify: async (body) => {
        verified = await signatures.verify({ path, uid: req.header(TARGET_HEADER), body }, header)
        return verified
      },
      headers: async (status, body) =>
        verified === undefined
          ? {}
          : { [SIGNATURE_HEADER]: await signatures.signResponse(verified, status, body) },
    }
  }

  /** Reads the body of a request with an acceptable head. @throws SserError */
  read({ req: { raw }, env }: Context, maxBytes: number, isSigned: boolean): Promise<string> {
    const sender = addressOf(raw, env, 0)
    // Chunks may be of one byte each. A request without a socket, as in a test, declares no length.
    if (
      raw.headers.has('transfer-encoding') ||
      (sender !== undefined && declaredLength(raw.headers) === undefined)
    )
      throw new SserError('length-required', 'A Content-Length is required; chunks are not taken')
    if (!isSigned) this.#checkUnsigned(raw)
    return this.#options.bodyReader.read(raw, maxBytes, sender, env)
  }

  /** Checks the head of a request whose body stays open. @throws SserError */
  checkOpenBody({ req: { raw }, env }: Context, isSigned: boolean): void {
    // A request without a socket, as in a test, declares nothing.
    if (addressOf(raw, env, 0) !== undefined && !raw.headers.has('transfer-encoding'))
      throw new SserError('invalid-peer-message', 'An exchange needs a body in chunks, because it stays open')
    if (!isSigned) this.#checkUnsigned(raw)
  }

  /** Checks a request without a signature, which a web page could otherwise make. @throws SserError */
  #checkUnsigned({ headers }: Request): void {
    const { allowedInternalHosts, peerAddresses } = this.#options
    const error = hostError(headers, allowedInternalHosts, peerAddresses)
    if (error !== undefined) throw error
    // A browser sends other types without a preflight request.
    if (!JSON_TYPE.test(headers.get('content-type') ?? ''))
      throw new SserError('unsupported-media-type', 'Expected the Content-Type application/json')
  }
}
