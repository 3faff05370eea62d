import { closeWhile, type FetchHandler } from '../http/connection-close.ts'
import { hasBody } from '../http/env.ts'
import { PEER_ENDPOINT_URL_PATH } from '../wire/v1.ts'
import { APPEND_URL_PATH } from '../wire/v2.ts'

/**
 * `fetch` for an internal port: closes the connection after an answer that leaves a body unread. The runtime would go
 * on receiving that body, chunk by chunk, for as long as the sender likes.
 */
export function forInternalPort(fetch: FetchHandler): FetchHandler {
  const closing = closeWhile(() => true, fetch)
  return (request, env) =>
    hasBody(request) && !isForPeers(request) ? closing(request, env) : fetch(request, env)
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
