import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { Replays } from './replays.ts'

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
export interface Bond {
  readonly key: CryptoKey
  readonly mac: string
}

/** A request that carries a right signature. */
export interface Proof extends Bond {
  /** Whether it is of now, as this Pod's clock sees it. */
  readonly isOfNow: boolean
}

// The last of its 43 characters has two bits to spare, which are 0: one signature has one form.
const MAC = '([\\w-]{42}[048AEIMQUYcgkosw])'
const REQUEST = new RegExp(`^t=(\\d{1,15}), s=([0-9a-f]{16}), n=(\\d{1,15}), m=${MAC}$`)
const ANSWER = new RegExp(`^t=(\\d{1,15}), m=${MAC}$`)
const HMAC = { name: 'HMAC', hash: 'SHA-256' }

const encoder = new TextEncoder()

/**
 * HMAC-SHA-256 over what Pods say to each other. The first secret signs, any of them is taken. An answer is bound to
 * its request. Times are compared on clocks that never jump; two Pods that disagree learn that from a signed refusal.
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export class Signatures {
  readonly #keys: Promise<readonly CryptoKey[]>
  readonly #clock: Clock
  readonly #replays = new Replays(2 * MAX_SKEW_MS)
  readonly #wallMinusClock: number
  /** What was signed before this Pod was there is not meant for it. */
  readonly #startedAt: number

  constructor(secrets: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#keys = Promise.all(secrets.map(importKey))
    this.#startedAt = Date.now()
    this.#wallMinusClock = this.#startedAt - clock.now()
  }

  /** This Pod's time: the wall clock's when it started, and what has passed since. */
  get time(): number {
    return Math.round(this.#clock.now() + this.#wallMinusClock)
  }

  /** Signs a request; what it returns goes into the header. */
  async sign(request: SignedRequest, signer: Signer): Promise<{ header: string; bond: Bond }> {
    const [key] = (await this.#keys) as [CryptoKey]
    const mac = await sign(key, requestText(request, signer))
    return {
      header: `t=${signer.time}, s=${signer.name}, n=${signer.number}, m=${mac}`,
      bond: { key, mac },
    }
  }

  /** @throws SserError `unauthorized`: there is no signature, or a wrong one, or it came before. */
  async check(request: SignedRequest, header: string | undefined): Promise<Proof> {
    const [, time, name = '', number, mac = ''] = this.parse(header)
    const signer = { name, number: Number(number), time: Number(time) }
    const text = requestText(request, signer)
    for (const key of await this.#keys) {
      if (!(await verify(key, mac, text))) continue
      const isOfNow = signer.time >= this.#startedAt && Math.abs(signer.time - this.time) <= MAX_SKEW_MS
      if (isOfNow && !this.#replays.isFirst(name, signer.number, this.#clock.now()))
        throw unauthorized('this was sent before')
      return { key, mac, isOfNow }
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
  async signAnswer({ key, mac }: Bond, status: number, body: string): Promise<string> {
    const { time } = this
    return `t=${time}, m=${await sign(key, answerText(mac, status, time, body))}`
  }

  /** The answerer's time; undefined unless this is the answer to that very request, by one who has the secret. */
  async checkAnswer(
    { key, mac }: Bond,
    status: number,
    body: string,
    header: string | undefined,
  ): Promise<number | undefined> {
    const [, time, answerMac = ''] = ANSWER.exec(header ?? '') ?? []
    const text = answerText(mac, status, Number(time), body)
    return (await verify(key, answerMac, text)) ? Number(time) : undefined
  }
}

function requestText({ path, uid = '', body }: SignedRequest, { time, name, number }: Signer): string {
  return `sser request\nPOST\n${path}\n${uid}\n${time}\n${name}\n${number}\n${body}`
}

function answerText(mac: string, status: number, time: number, body: string): string {
  return `sser answer\n${mac}\n${status}\n${time}\n${body}`
}

function importKey(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', encoder.encode(secret), HMAC, false, ['sign', 'verify'])
}

async function sign(key: CryptoKey, text: string): Promise<string> {
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
  return btoa(String.fromCharCode(...mac))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace('=', '')
}

/** In constant time. */
async function verify(key: CryptoKey, mac: string, text: string): Promise<boolean> {
  if (mac.length !== 43) return false
  const bytes = Uint8Array.from(atob(mac.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
  return crypto.subtle.verify('HMAC', key, bytes, encoder.encode(text))
}

function unauthorized(why: string): SserError {
  return new SserError('unauthorized', why)
}
