import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server as TlsServer } from 'node:tls'
import { createAdaptorServer } from '@hono/node-server'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import type { BindInternal } from '../running-pod.ts'
import { InternalSockets } from './internal-sockets.ts'
import { DEFAULT_HOST, HEADERS_LIMIT, NodeListener, TCP_KEEP_ALIVE } from './listener.ts'
import { acceptNodeDuplex } from './node-duplex.ts'

/** Binds a port for peers. */
export const bindInternal: BindInternal = async (fetch, { port, hostname, tls, signal }) => {
  const serverOptions = { ...HEADERS_LIMIT, ...TCP_KEEP_ALIVE }
  // Another framework may serve the process, and needs the runtime's own Request and Response.
  const common = { hostname: DEFAULT_HOST, overrideGlobalObjects: false }
  let sockets: InternalSockets | undefined
  const answer = withoutDraining(fetch)
  const heard: FetchHandler = async (request, env) => {
    const response = await answer(request, env)
    if (request.method === 'POST' && response.status === 200)
      sockets?.trust((env as { incoming: IncomingMessage }).incoming.socket)
    return response
  }
  const server = createAdaptorServer(
    tls === undefined
      ? { ...common, fetch: heard, serverOptions }
      : {
          ...common,
          fetch: answer,
          createServer: createTlsServer,
          serverOptions: {
            ...serverOptions,
            ...tls,
            requestCert: true,
            rejectUnauthorized: true,
            handshakeTimeout: HEADERS_LIMIT.headersTimeout,
          },
        },
  ) as Server
  server.keepAliveTimeout = 0
  // An exchange is one request that stays open. The bodies of all others have limits of their own.
  server.requestTimeout = 0
  // With TLS a client without a certificate gets no further than the handshake, which has a limit.
  if (tls === undefined) sockets = new InternalSockets(server)
  const listener = await NodeListener.bind(server, port, hostname, { signal })
  return {
    port: listener.port,
    close: (timeoutMs) => listener.close(timeoutMs),
    renew: ({ key, cert, ca }) => (server as unknown as TlsServer).setSecureContext({ key, cert, ca }),
  }
}

/**
 * Destroys the connection of a chunked request as soon as it is answered, because peers send chunks in exchanges alone. The
 * adapter would read up to 64 MiB of the rest, and chunks of one byte then block the event loop.
 */
function withoutDraining(fetch: FetchHandler): FetchHandler {
  return (request, env) => {
    const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse }
    if (incoming.headers['transfer-encoding'] === undefined) return fetch(request, env)
    let isOpen = false
    outgoing.once('finish', () => isOpen || incoming.destroy())
    const acceptDuplex = (headers: Readonly<Record<string, string>>) => {
      const accepted = acceptNodeDuplex(incoming, outgoing, headers)
      isOpen = accepted !== undefined
      return accepted
    }
    return fetch(request, { ...(env as object), acceptDuplex })
  }
}
