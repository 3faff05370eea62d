import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as TlsServer } from 'node:https'
import { type Sser, serverSideOf } from '../../sser.ts'
import type { PublicServer } from '../listener.ts'
import { isDraining } from '../running-pod.ts'
import { isLastResponse } from './close-timeout.ts'
import { ServerConnections } from './server-connections.ts'

/** A server of Node's HTTP modules. */
export type NodeServer = Server | TlsServer | Http2Server | Http2SecureServer

/**
 * Takes over the drain of a server that belongs to the app: while the Pod drains, each response closes its connection, and
 * the server then closes as one of `serve()` does.
 */
export function adoptServer(server: NodeServer, sser: Sser): PublicServer {
  const arrivals = serverSideOf(sser)?.arrivals
  // Before the app's own listener: middleware may take seconds.
  ;(server as Server).prependListener('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    arrivals?.record(incoming)
    // Only HTTP/1 has connections that end with a response, and requests that wait behind another one.
    if (!(outgoing instanceof ServerResponse)) return
    if (outgoing.socket === null && isLastResponse(incoming.socket)) incoming.socket.destroy()
    if (isDraining(sser)) outgoing.shouldKeepAlive = false
  })
  return new ServerConnections(server)
}
