import { SserError } from '../errors.ts'
import { closeWhile, type FetchHandler, hasBody } from '../http/fetch-handler.ts'
import type { ServerSide } from '../server-side.ts'
import { APPEND_URL_PATH, EXCHANGE_URL_PATH } from '../wire/append-message.ts'
import { PEER_ENDPOINT_URL_PATH } from '../wire/v1.ts'

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
  return [APPEND_URL_PATH, EXCHANGE_URL_PATH, PEER_ENDPOINT_URL_PATH].includes(pathname)
}

export interface InternalAddressOptions {
  hostname?: string | undefined
  internalHostname?: string | undefined
  internalTls?: unknown
  internalPort: number
}

/**
 * Returns the address to bind the internal port to; undefined for all addresses. Without authentication it is loopback,
 * unless the app allows an open port.
 * @throws SserError `open-internal-port`
 */
export function internalAddress(options: InternalAddressOptions, server: ServerSide): string | undefined {
  const { hostname, internalHostname, internalTls, internalPort } = options
  const address = internalHostname ?? hostname
  if (!server.isUnguarded || internalTls !== undefined || isLoopback(address)) return address
  if (server.isLocal && internalHostname === undefined) return '127.0.0.1'
  throw new SserError(
    'open-internal-port',
    [
      `The internal port ${internalPort} would be open on ${address ?? 'all addresses'}: every process that reaches it could send to every client. Choose one:`,
      '- new Sser({ peerSecret }), the same secret on all Pods: they sign their messages',
      '- internalTls, an option of serve() and join(): they authenticate by certificates',
      "- internalHostname: '127.0.0.1' if all Pods are on this machine, or new Sser({ allowOpenInternalPort: true }) if only Pods reach the port",
    ].join('\n'),
  )
}

/** Returns whether a server that is bound to `hostname` can be reached from its own machine only. */
export function isLoopback(hostname: string | undefined): boolean {
  return hostname !== undefined && /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(hostname)
}
