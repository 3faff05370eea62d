import type { Clock } from '../clock.ts'
import { TARGET_HEADER, type Target } from '../discovery/peer.ts'
import { SserError } from '../errors.ts'
import { StatusError } from './status-error.ts'
import type { Answer, Transport } from './transport.ts'

/** How, and for how long. */
export interface PostOptions {
  clock: Clock
  transport: Transport
  timeoutMs: number
  signal: AbortSignal
}

/** Posts JSON to a peer and reads an answer of up to `maxBytes`, all within `timeoutMs`, its body included. */
export async function post(
  { host, uid }: Target,
  path: string,
  body: string,
  maxBytes: number,
  { clock, transport, timeoutMs, signal }: PostOptions,
): Promise<Answer> {
  signal.throwIfAborted()
  const request = new AbortController()
  const stop = () => request.abort(signal.reason)
  const cancelTimeout = clock.after(timeoutMs, () => {
    request.abort(new SserError('peer-failed', `no answer within ${timeoutMs} ms`))
  })
  signal.addEventListener('abort', stop, { once: true })
  try {
    const headers = { 'content-type': 'application/json', ...(uid !== undefined && { [TARGET_HEADER]: uid }) }
    const answer = await transport({ host, path, headers, body, maxBytes, signal: request.signal })
    if (answer.status === 421) throw new StatusError(421, 'another Pod has this address by now')
    if (answer.status === 401) throw new StatusError(401, 'refuses our signature: is its peerSecret ours?')
    return answer
  } finally {
    cancelTimeout()
    signal.removeEventListener('abort', stop)
  }
}
