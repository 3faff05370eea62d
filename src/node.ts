import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

import type { Server as TlsServer } from 'node:tls'
import { createAdaptorServer } from '@hono/node-server'
import { closeWhile } from './http/connection-close.ts'
import { certificateReader } from './runtime/node/certificate-reader.ts'
import { withFastPath, withoutFastPath } from './runtime/node/fast-path.ts'
import { httpTransport } from './runtime/node/http-transport.ts'
import { InternalSockets } from './runtime/node/internal-sockets.ts'
import { NodeListener } from './runtime/node/listener.ts'
import { nodeMac } from './runtime/node/node-mac.ts'
import { requireNode } from './runtime/node/require-node.ts'
import {
  type Listener,
  type PeerTls,
  type RunningServer,
  type Runtime,
  runServer,
  type ServeOptions,
} from './runtime/serve.ts'
import { requireOptions } from './validation.ts'

export type { PeerTls, PeerTlsFiles, PeerTlsSource, RunningServer, ServeOptions } from './runtime/serve.ts'

/** Options of `serve()` under Node. */
export interface NodeServeOptions extends ServeOptions {
  /**
   * Whether events may be written to the sockets themselves, past Node's HTTP, which costs much less time and memory.
   * Responses that it does not fit (compressed, transformed, HTTP/1.0) are served the usual way by themselves. Default: true.
   */
  fastPath?: boolean | undefined
  /**
   * Options of Node's `http.createServer()` for the public port. Default: a `keepAliveTimeout` of 620,000 ms, a
   * `headersTimeout` of 10,000 ms, `keepAlive` of TCP after 60,000 ms, and Node's own for the rest.
   * @see https://nodejs.org/api/http.html#httpcreateserveroptions-requestlistener
   */
  serverOptions?: ServerOptions | undefined
}

/** How long a client or a peer may take to send a request's headers, and how often that is checked, in milliseconds. */
const HEADERS_LIMIT = { headersTimeout: 10_000, connectionsCheckingInterval: 2_000 }
/** TCP probes a quiet connection after 60 s, because a client or peer that is lost with its machine or network sends nothing. */
const TCP_KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 60_000 }

/** The host in the URL of a request without a `Host`, as HTTP/1.0 allows: balancers probe so. Node refuses HTTP/1.1 without. */
const DEFAULT_HOST = 'localhost'

/** The options of the public port that differ from Node's own defaults. Times are in milliseconds. */
const PUBLIC_DEFAULTS = {
  ...HEADERS_LIMIT,
  ...TCP_KEEP_ALIVE,
  /**
   * An idle connection is kept for longer than balancers keep theirs (AWS ALB 60 s, GKE 600 s): otherwise one would send
   * a request while the Pod closes the connection, and answer 502.
   */
  keepAliveTimeout: 620_000,
} as const satisfies ServerOptions

/**
 * Binds the internal port, joins the fleet, and binds the public port, in that order: no client arrives before
 * the Pod is one of the fleet. SIGTERM and SIGINT stop it.
 * @throws SserError `invalid-options`, naming the option and the expected value; `port-in-use`, naming the port; what `sser.start()` throws.
 */
export async function serve(allOptions: NodeServeOptions = {} as NodeServeOptions): Promise<RunningServer> {
  requireNode()
  const { fastPath = true, serverOptions = {}, ...options } = requireOptions('serve()', allOptions)
  const bindPublic: Runtime['bindPublic'] = (fetch, port, hostname, isDraining) => {
    const answer = closeWhile(isDraining, fetch)
    const server = createAdaptorServer({
      fetch: fastPath ? withFastPath(answer) : withoutFastPath(answer),
      hostname: DEFAULT_HOST,
      serverOptions: { ...PUBLIC_DEFAULTS, ...serverOptions },
    }) as Server
    return NodeListener.bind(server, port, hostname)
  }
  return runServer(
    { bindInternal, bindPublic, process, transport: httpTransport, hmacFactory: nodeMac, certificateReader },
    options,
  )
}

async function bindInternal(
  fetch: ServeOptions['fetch'],
  port: number,
  hostname?: string,
  tls?: PeerTls,
): Promise<Listener> {
  const serverOptions = { ...HEADERS_LIMIT, ...TCP_KEEP_ALIVE }
  let sockets: InternalSockets | undefined
  const answer = withoutDraining(fetch)
  const heard: ServeOptions['fetch'] = async (request, env) => {
    const response = await answer(request, env)
    if (request.method === 'POST' && response.status === 200)
      sockets?.trust((env as { incoming: IncomingMessage }).incoming.socket)
    return response
  }
  const server = createAdaptorServer(
    tls === undefined
      ? { fetch: heard, hostname: DEFAULT_HOST, serverOptions }
      : {
          fetch: answer,
          hostname: DEFAULT_HOST,
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
  // With TLS nobody comes further than the handshake without a certificate, and that has a limit.
  if (tls === undefined) sockets = new InternalSockets(server)
  const listener = await NodeListener.bind(server, port, hostname, true)
  return {
    port: listener.port,
    close: (timeoutMs) => listener.close(timeoutMs),
    renew: ({ key, cert, ca }) => (server as unknown as TlsServer).setSecureContext({ key, cert, ca }),
  }
}

/**
 * Destroys the connection of a chunked request as soon as it is answered, because no peer sends chunks. The adapter would
 * read up to 64 MiB of the rest, and chunks of one byte then block the event loop.
 */
function withoutDraining(fetch: ServeOptions['fetch']): ServeOptions['fetch'] {
  return (request, env) => {
    const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse }
    if (incoming.headers['transfer-encoding'] !== undefined) outgoing.once('finish', () => incoming.destroy())
    return fetch(request, env)
  }
}
