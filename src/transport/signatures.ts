import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { type Hmac, type HmacFactory, webCryptoHmac } from './hmac.ts'
import { ReplayWindow } from './replay-window.ts'

/** Carries the signature of a request to a peer, and of its answer. */
export const SIGNATURE_HEADER = 'sser-signature'

/** How far a request's time may be from the receiver's, in milliseconds. */
const MAX_SKEW_MS = 30_000

/** What is signed of a request. */
export interface SignedRequest {
  path: string
  /** The Pod that it is meant for. */
  uid: string | undefined
  body: string
}

/** Who signs: one for each way to a peer, so that its numbers rise. */
export interface Signer {
  readonly name: string
  readonly number: number
  /** The receiver's time. */
  readonly time: number
}

/** A request that was signed: what its answer must be bound to. */
export interface RequestBinding {
  /** Made with the secret that signed it. */
  readonly key: Hmac
  readonly mac: string
}

/** A request that carries a right signature. */
export interface VerifiedRequest extends RequestBinding {
  /** Whether it is of now, as this Pod's clock sees it. */
  readonly isCurrent: boolean
}

// The last of its 43 characters has two bits to spare, which are 0: one signature has one form.
const MAC = '([\\w-]{42}[048AEIMQUYcgkosw])'
const REQUEST = new RegExp(`^t=(\\d{1,15}), s=([0-9a-f]{16}), n=(\\d{1,15}), m=${MAC}$`)
const RESPONSE = new RegExp(`^t=(\\d{1,15}), m=${MAC}$`)

/**
 * Signs what Pods say to each other. The first secret signs, any of them is taken. An answer is bound to
 * its request. Times are compared on clocks that never jump; two Pods that disagree learn that from a signed refusal.
 */
export class Signatures {
  readonly #secrets: readonly string[]
  #keys: readonly Hmac[]
  readonly #clock: Clock
  readonly #replayWindow = new ReplayWindow(2 * MAX_SKEW_MS)
  readonly #wallMinusClock: number
  /** What was signed before this Pod was there is not meant for it. */
  readonly #startedAt: number

  constructor(secrets: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#secrets = secrets
    this.#keys = secrets.map(webCryptoHmac)
    this.#startedAt = Date.now()
    this.#wallMinusClock = this.#startedAt - clock.now()
  }

  /** This Pod's time: the wall clock's when it started, and what has passed since. */
  get time(): number {
    return Math.round(this.#clock.now() + this.#wallMinusClock)
  }

  /** From here on by what the runtime has for it. */
  use(hmacFactory: HmacFactory): void {
    this.#keys = this.#secrets.map(hmacFactory)
  }

  /** Signs a request; what it returns goes into the header. */
  async sign(request: SignedRequest, signer: Signer): Promise<{ header: string; binding: RequestBinding }> {
    const [key] = this.#keys as [Hmac]
    const mac = await key.sign(requestHead(request, signer), request.body)
    return {
      header: `t=${signer.time}, s=${signer.name}, n=${signer.number}, m=${mac}`,
      binding: { key, mac },
    }
  }

  /**
   * Refuses by the header alone what cannot become right by its body. A request that is not of now can: its sender is
   * told the time by a signed refusal.
   * @throws SserError `unauthorized`: there is no signature, a malformed one, or one that came before.
   */
  precheck(header: string | undefined): void {
    const [, time, name = '', number] = this.parse(header)
    if (this.#isCurrent(Number(time)) && this.#replayWindow.hasSeen(name, Number(number))) throw replayed()
  }

  /** @throws SserError `unauthorized`: there is no signature, or a wrong one, or it came before. */
  async verify(request: SignedRequest, header: string | undefined): Promise<VerifiedRequest> {
    const [, time, name = '', number, mac = ''] = this.parse(header)
    const signer = { name, number: Number(number), time: Number(time) }
    const head = requestHead(request, signer)
    for (const key of this.#keys) {
      if (!(await key.verify(mac, head, request.body))) continue
      const isCurrent = this.#isCurrent(signer.time)
      if (isCurrent && !this.#replayWindow.isFirst(name, signer.number, this.#clock.now())) throw replayed()
      return { key, mac, isCurrent }
    }
    throw unauthorized('the signature is wrong; do all Pods have the same peerSecret?')
  }

  /** The parts of a request's signature. @throws SserError `unauthorized`: there is none, or it is none. */
  parse(header: string | undefined): RegExpExecArray {
    if (header === undefined) throw unauthorized('a signature is required')
    const parts = REQUEST.exec(header)
    if (parts === null) throw unauthorized('the signature is malformed')
    return parts
  }

  /** Signs the answer to a request that was checked. */
  async signResponse({ key, mac }: RequestBinding, status: number, body: string): Promise<string> {
    const { time } = this
    return `t=${time}, m=${await key.sign(responseHead(mac, status, time), body)}`
  }

  /** The answerer's time; undefined unless this is the answer to that very request, by one who has the secret. */
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
  return unauthorized('this was sent before')
}

function unauthorized(why: string): SserError {
  return new SserError('unauthorized', why)
}
