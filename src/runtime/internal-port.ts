import type { FetchHandler } from '../http/connection-close.ts'
import { PEER_ENDPOINT_URL_PATH } from '../wire/v1.ts'
import { APPEND_URL_PATH } from '../wire/v2.ts'

/**
 * `fetch` for an internal port: closes the connection after an answer that leaves a body unread. The runtime would go
 * on receiving that body, chunk by chunk, for as long as the sender likes.
 */
export function forInternalPort(fetch: FetchHandler): FetchHandler {
  return (request, env) => {
    const response = fetch(request, env)
    if (!hasBody(request.headers) || isForPeers(request)) return response
    return response instanceof Promise ? response.then(closing) : closing(response)
  }
}

function closing(response: Response): Response {
  response.headers.set('connection', 'close')
  return response
}

function hasBody(headers: Headers): boolean {
  return headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'
}

/** These routes see to it themselves: the connections of peers are kept. */
function isForPeers({ method, url }: Request): boolean {
  if (method !== 'POST') return false
  const { pathname } = new URL(url)
  return pathname === APPEND_URL_PATH || pathname === PEER_ENDPOINT_URL_PATH
}

/** Whether a server that is bound to `hostname` can be reached from its own machine only. */
export function isLoopback(hostname: string | undefined): boolean {
  return hostname !== undefined && /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(hostname)
}
