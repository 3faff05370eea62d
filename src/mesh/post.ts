import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { discardBody } from '../wire/body.ts'
import { TARGET_HEADER, type Target } from './peer.ts'

/** How requests reach a peer. Default: the runtime's own `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** How, and for how long. */
export interface PostOptions {
  clock: Clock
  fetch: Fetch
  timeoutMs: number
  signal: AbortSignal
}

/**
 * Posts JSON to a peer and reads the answer, all within `timeoutMs`, body included. What `read` leaves of the body
 * is cancelled, so that the connection is free again. Redirects are not followed.
 */
export async function post<T>(
  { host, uid }: Target,
  path: string,
  body: string,
  read: (response: Response) => Promise<T>,
  options: PostOptions,
): Promise<T> {
  const { clock, fetch, timeoutMs, signal } = options
  const request = new AbortController()
  const stop = () => request.abort(signal.reason)
  const cancelTimeout = clock.after(timeoutMs, () => {
    request.abort(new SserError('peer-failed', `no answer within ${timeoutMs} ms`))
  })
  signal.addEventListener('abort', stop, { once: true })
  let response: Response | undefined
  try {
    signal.throwIfAborted()
    // Bun would hand what is between Pods to the proxy of HTTP_PROXY, and take what that says for the peer's answer.
    const init: RequestInit & { proxy: false } = {
      proxy: false,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(uid !== undefined && { [TARGET_HEADER]: uid }) },
      body,
      redirect: 'manual',
      signal: request.signal,
    }
    response = await fetch(`http://${host}${path}`, init)
    if (response.status === 421) throw new SserError('peer-failed', 'another Pod has this address by now')
    return await read(response)
  } finally {
    if (response?.bodyUsed === false) await discardBody(response)
    cancelTimeout()
    signal.removeEventListener('abort', stop)
  }
}
