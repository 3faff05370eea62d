import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { ReplayWindow } from './replay-window.ts'

/** Request header with the UID of the Pod that the request is meant for. */
export const TARGET_HEADER = 'sser-target'
/** Header with the signature of a request to a peer, and of the response to it. */
export const SIGNATURE_HEADER = 'sser-signature'

/** Maximum difference between a request's time and the receiver's, in milliseconds. */
const MAX_SKEW_MS = 30_000

/** The parts of a request that the signature covers. */
export interface SignedRequest {
  path: string
  /** Target Pod. */
  uid: string | undefined
  body: string
}

/** Sender of signed requests: one for each peer, so that its numbers rise. */
export interface Signer {
  readonly name: string
  readonly number: number
  /** The receiver's time. */
  readonly time: number
}

/** A signed request, to which the signature of its response is bound. */
export interface RequestBinding {
  /** Key of the secret that signed the request. */
  readonly key: Hmac
  readonly mac: string
}

/** A request with a valid signature. */
export interface VerifiedRequest extends RequestBinding {
  /** True if its time is within the allowed difference from this Pod's. */
  readonly isCurrent: boolean
}

// The last of the 43 characters has two unused bits, which must be 0, so that one signature has one form.
const MAC = '([\\w-]{42}[048AEIMQUYcgkosw])'
const ONE_MAC = new RegExp(`^${MAC}$`)
const REQUEST = new RegExp(`^t=(\\d{1,15}), s=([0-9a-f]{16}), n=(\\d{1,15}), m=${MAC}$`)
const RESPONSE = new RegExp(`^t=(\\d{1,15}), m=${MAC}$`)

/**
 * Signs and verifies the messages between Pods. The first secret signs, and any of them verifies. A response is bound to
 * its request. Times are compared on clocks that never jump; a signed 401 tells a sender the receiver's time.
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export class Signatures {
  readonly #secrets: readonly string[]
  #keys: readonly Hmac[]
  readonly #clock: Clock
  readonly #replayWindow = new ReplayWindow(2 * MAX_SKEW_MS)
  readonly #wallMinusClock: number
  /** A request that was signed before this Pod started is not for it. */
  readonly #startedAt: number

  constructor(secrets: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#secrets = secrets
    this.#keys = secrets.map(webCryptoHmac)
    this.#startedAt = Date.now()
    this.#wallMinusClock = this.#startedAt - clock.now()
  }

  /** This Pod's time: that of the wall clock when the Pod started, plus the time since. */
  get time(): number {
    return Math.round(this.#clock.now() + this.#wallMinusClock)
  }

  /** Computes all later signatures with the runtime's own HMAC. */
  use(hmacFactory: HmacFactory): void {
    this.#keys = this.#secrets.map(hmacFactory)
  }

  /** Signs a request, and returns the value of its header. */
  async sign(request: SignedRequest, signer: Signer): Promise<{ header: string; binding: RequestBinding }> {
    const [key] = this.#keys as [Hmac]
    const mac = await key.sign(requestHead(request, signer), request.body)
    return {
      header: `t=${signer.time}, s=${signer.name}, n=${signer.number}, m=${mac}`,
      binding: { key, mac },
    }
  }

  /**
   * Rejects a request by its header alone where no body could make it valid. A request with another time passes, because
   * its sender is to be told the time by a signed 401.
   * @throws SserError `unauthorized`: the signature is missing, malformed or replayed.
   */
  precheck(header: string | undefined): void {
    const [, time, name = '', number] = this.parse(header)
    if (this.#isCurrent(Number(time)) && this.#replayWindow.isReplay(name, Number(number))) throw replayed()
  }

  /** @throws SserError `unauthorized`: the signature is missing, malformed, wrong or replayed. */
  async verify(request: SignedRequest, header: string | undefined): Promise<VerifiedRequest> {
    const [, time, name = '', number, mac = ''] = this.parse(header)
    const signer = { name, number: Number(number), time: Number(time) }
    const head = requestHead(request, signer)
    for (const key of this.#keys) {
      if (!(await key.verify(mac, head, request.body))) continue
      const isCurrent = this.#isCurrent(signer.time)
      if (isCurrent && !this.#replayWindow.accept(name, signer.number, this.#clock.now())) throw replayed()
      return { key, mac, isCurrent }
    }
    throw unauthorized('the signature is wrong; do all Pods have the same peerSecret?')
  }

  /** Parses the header of a request. @throws SserError `unauthorized`: the signature is missing or malformed. */
  parse(header: string | undefined): RegExpExecArray {
    if (header === undefined) throw unauthorized('a signature is required')
    const parts = REQUEST.exec(header)
    if (parts === null) throw unauthorized('the signature is malformed')
    return parts
  }

  /** Signs the response to a verified request. */
  async signResponse({ key, mac }: RequestBinding, status: number, body: string): Promise<string> {
    const { time } = this
    return `t=${time}, m=${await key.sign(responseHead(mac, status, time), body)}`
  }

  /** The peer's time; undefined unless a Pod with the secret signed this response to that very request. */
  async verifyResponse(
    { key, mac }: RequestBinding,
    status: number,
    body: string,
    header: string | undefined,
  ): Promise<number | undefined> {
    const [, time, responseMac] = RESPONSE.exec(header ?? '') ?? []
    if (responseMac === undefined) return undefined
    const head = responseHead(mac, status, Number(time))
    return (await key.verify(responseMac, head, body)) ? Number(time) : undefined
  }

  #isCurrent(time: number): boolean {
    return time >= this.#startedAt && Math.abs(time - this.time) <= MAX_SKEW_MS
  }
}

function requestHead({ path, uid = '' }: SignedRequest, { time, name, number }: Signer): string {
  return `sser request\nPOST\n${path}\n${uid}\n${time}\n${name}\n${number}\n`
}

function responseHead(mac: string, status: number, time: number): string {
  return `sser answer\n${mac}\n${status}\n${time}\n`
}

function replayed(): SserError {
  return unauthorized('a request with this number was received before')
}

function unauthorized(why: string): SserError {
  return new SserError('unauthorized', why)
}

/**
 * HMAC-SHA-256 with one secret over a head followed by a body, which may be long. Its text is base64url without
 * padding: 43 characters.
 */
export interface Hmac {
  sign(head: string, body: string): string | Promise<string>
  /** Compares in constant time. `mac` has 43 characters of base64url. */
  verify(mac: string, head: string, body: string): boolean | Promise<boolean>
}

/** Creates the {@link Hmac} of a secret. */
export type HmacFactory = (secret: string) => Hmac

const HMAC = { name: 'HMAC', hash: 'SHA-256' }

const encoder = new TextEncoder()

/**
 * HMAC by Web Crypto, for runtimes without a leaner one: its threads cost more than the hash.
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export const webCryptoHmac: HmacFactory = (secret) => {
  const key = crypto.subtle.importKey('raw', encoder.encode(secret), HMAC, false, ['sign', 'verify'])
  return {
    async sign(head, body) {
      const bytes = new Uint8Array(await crypto.subtle.sign('HMAC', await key, encoder.encode(head + body)))
      return btoa(String.fromCharCode(...bytes))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replace('=', '')
    },
    async verify(mac, head, body) {
      const base64 = mac.replaceAll('-', '+').replaceAll('_', '/')
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
      return crypto.subtle.verify('HMAC', await key, bytes, encoder.encode(head + body))
    },
  }
}

/** The side of an exchange that sends a message. */
export type ExchangeSide = 'opening' | 'accepting'

/** Length of a MAC in text. */
export const MAC_LENGTH = 43

/**
 * Signs the messages of one exchange, and verifies those of the peer. A MAC covers the exchange, by the MAC of its head, which is
 * accepted once; the side; and the number of the message: so no message can be dropped, repeated, reordered, or moved.
 */
export class MessageMacs {
  readonly #binding: RequestBinding
  readonly #own: ExchangeSide
  #sent = 0
  #received = 0

  /** `own`: the side of this Pod. */
  constructor(binding: RequestBinding, own: ExchangeSide) {
    this.#binding = binding
    this.#own = own
  }

  /** Returns the MAC of the next message of this side. */
  sign(text: string): string | Promise<string> {
    return this.#binding.key.sign(this.#head(this.#own, this.#sent++), text)
  }

  /** Returns whether the MAC is that of the next message of the peer. */
  verify(mac: string, text: string): boolean | Promise<boolean> {
    const side = this.#own === 'opening' ? 'accepting' : 'opening'
    const head = this.#head(side, this.#received++)
    return ONE_MAC.test(mac) && this.#binding.key.verify(mac, head, text)
  }

  #head(side: ExchangeSide, number: number): string {
    return `sser message\n${this.#binding.mac}\n${side}\n${number}\n`
  }
}
