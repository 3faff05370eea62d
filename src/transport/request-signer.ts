import { type PeerRequest, PeerStatusError } from './peer-transport.ts'
import {
  type RequestBinding,
  SIGNATURE_HEADER,
  type Signatures,
  type Signer,
  TARGET_HEADER,
} from './signatures.ts'

/** Maximum number of peers with a signing state; a peer beyond it gets a new state. */
const MAX_SIGNING_STATES = 1_024

/** State of the signatures to one peer. */
interface SigningState {
  name: string
  number: number
  /** Difference between the peer's time and this Pod's, in milliseconds. */
  offset: number
}

/** The head of a request that is to be signed. */
type SignableRequest = Pick<PeerRequest, 'host' | 'path' | 'headers'>

/** The parts of a response that its signature covers. */
interface SignedResponse {
  status: number
  /** Undefined where the signature covers the head alone. */
  body?: string
  signature?: string | undefined
}

export interface RequestSignerOptions {
  signatures: Signatures
  /** True if a response without a signature is accepted, too. */
  allowUnsignedPeers: boolean
  /** True if a peer may be a Go Pod, which knows no signatures. */
  allowGoPeers: boolean
}

/** Signs the requests to peers, and verifies their responses. */
export class RequestSigner {
  readonly #signatures: Signatures
  readonly #allowUnsignedPeers: boolean
  readonly #allowGoPeers: boolean
  /** By host; the one that was used last is the last. */
  readonly #states = new Map<string, SigningState>()

  constructor({ signatures, allowUnsignedPeers, allowGoPeers }: RequestSignerOptions) {
    this.#signatures = signatures
    this.#allowUnsignedPeers = allowUnsignedPeers
    this.#allowGoPeers = allowGoPeers
  }

  /** Returns the request with a signature, and the binding that its response is verified against. */
  async sign<T extends SignableRequest>(
    request: T,
    body: string,
  ): Promise<{ signed: T; binding: RequestBinding }> {
    const state = this.#stateOf(request.host)
    state.number += 1
    const time = this.#signatures.time + state.offset
    const signer: Signer = { name: state.name, number: state.number, time }
    const { path, headers } = request
    const uid = headers[TARGET_HEADER]
    const { header, binding } = await this.#signatures.sign({ path, uid, body }, signer)
    return { signed: { ...request, headers: { ...headers, [SIGNATURE_HEADER]: header } }, binding }
  }

  /**
   * Sends a request with a signature; once more, by the peer's own time, where the peer answers with a signed 401.
   * `transport` resolves with the response.
   */
  async send<T extends SignableRequest, R extends SignedResponse>(
    request: T & { signal: AbortSignal },
    body: string,
    transport: (signed: T) => Promise<R>,
  ): Promise<{ response: R; binding: RequestBinding }> {
    const send = async () => {
      const { signed, binding } = await this.sign(request, body)
      request.signal.throwIfAborted()
      return { response: await transport(signed), binding }
    }
    const first = await send()
    const { response, binding } = first
    const isAdopted = response.status === 401 && (await this.#adoptTime(request.host, binding, response))
    return isAdopted ? send() : first
  }

  /** Adopts the peer's time, if the response is signed, because only the peer may change this Pod's idea of it. */
  async #adoptTime(host: string, binding: RequestBinding, response: SignedResponse): Promise<boolean> {
    const time = await this.#timeOf(binding, response)
    if (time === undefined) return false
    this.#stateOf(host).offset = time - this.#signatures.time
    return true
  }

  /** @throws PeerStatusError where the response is not the peer's own to that very request. */
  async verify(binding: RequestBinding, response: SignedResponse): Promise<void> {
    const { status, signature } = response
    if (status === 404 && !this.#allowGoPeers)
      throw new PeerStatusError(404, 'does not speak v2, and the option allowGoPeers is off')
    if (status !== 200 || (this.#allowUnsignedPeers && signature === undefined)) return
    if ((await this.#timeOf(binding, response)) === undefined)
      throw new PeerStatusError(200, 'its answer is not signed with this peerSecret')
  }

  /** The peer's time, where the response carries a valid signature. */
  #timeOf(
    binding: RequestBinding,
    { status, body = '', signature }: SignedResponse,
  ): Promise<number | undefined> {
    return this.#signatures.verifyResponse(binding, status, body, signature)
  }

  #stateOf(host: string): SigningState {
    const state = this.#states.get(host) ?? { name: randomName(), number: 0, offset: 0 }
    this.#states.delete(host)
    this.#states.set(host, state)
    if (this.#states.size > MAX_SIGNING_STATES)
      this.#states.delete(this.#states.keys().next().value as string)
    return state
  }
}

/** Eight random bytes, in hexadecimal. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
