import { TARGET_HEADER } from '../discovery/peer.ts'
import { APPEND_URL_PATH } from '../wire/v2.ts'
import { type Bond, SIGNATURE_HEADER, type Signatures, type Signer } from './signatures.ts'
import { StatusError } from './status-error.ts'
import type { Answer, Outgoing, Transport } from './transport.ts'

/** Ways to peers that are remembered; one that was forgotten begins anew. */
const MAX_WAYS = 1_024

interface Way {
  name: string
  number: number
  /** The peer's time less this Pod's, in milliseconds. */
  offset: number
}

export interface SignedTransportOptions {
  transport: Transport
  signatures: Signatures
  /** Whether an answer without a signature is taken, too. */
  allowUnsignedPeers: boolean
  /** Whether a peer may be one that knows no signatures. */
  allowGoPeers: boolean
}

/** `transport`, with each request signed, and no answer taken that is not the peer's own to that very request. */
export function signedTransport(options: SignedTransportOptions): Transport {
  const { transport, signatures, allowUnsignedPeers, allowGoPeers } = options
  const ways = new Map<string, Way>()
  const wayTo = (host: string) => {
    const way = ways.get(host) ?? { name: drawName(), number: 0, offset: 0 }
    // The one that was used last is the last.
    ways.delete(host)
    ways.set(host, way)
    if (ways.size > MAX_WAYS) ways.delete(ways.keys().next().value as string)
    return way
  }
  const post = async (request: Outgoing, way: Way): Promise<{ answer: Answer; bond: Bond }> => {
    way.number += 1
    const signer: Signer = { name: way.name, number: way.number, time: signatures.time + way.offset }
    const { path, body } = request
    const { header, bond } = await signatures.sign(
      { path, uid: request.headers[TARGET_HEADER], body },
      signer,
    )
    request.signal.throwIfAborted()
    const answer = await transport({
      ...request,
      headers: { ...request.headers, [SIGNATURE_HEADER]: header },
    })
    return { answer, bond }
  }
  const check = ({ answer: { status, body, signature }, bond }: { answer: Answer; bond: Bond }) =>
    signatures.checkAnswer(bond, status, body, signature)
  return async (request) => {
    // A Go Pod neither signs nor checks.
    if (request.path !== APPEND_URL_PATH) return transport(request)
    const way = wayTo(request.host)
    let posted = await post(request, way)
    if (posted.answer.status === 401) {
      // A refusal that is signed comes from a peer whose clock differs; from anybody else it is not believed.
      const time = await check(posted)
      if (time === undefined) return posted.answer
      way.offset = time - signatures.time
      posted = await post(request, way)
    }
    const { answer } = posted
    if (answer.status === 404 && !allowGoPeers)
      throw new StatusError(404, 'does not speak v2, and the option allowGoPeers is off')
    if (answer.status !== 200 || (allowUnsignedPeers && answer.signature === undefined)) return answer
    if ((await check(posted)) !== undefined) return answer
    throw new StatusError(200, 'its answer is not signed with this peerSecret')
  }
}

/** Eight random bytes, in hexadecimal. */
function drawName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
