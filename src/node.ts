import type { Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { withFastPath, withoutFastPath } from './node/fast-path.ts'
import { httpTransport } from './node/http-transport.ts'
import { nodeMac } from './node/node-mac.ts'
import type { SocketSink } from './node/socket-sink.ts'
import { type Bound, bindError, type PeerTls, type Served, type ServeOptions, serveOn } from './serving.ts'

export type { PeerTls, Served, ServeOptions } from './serving.ts'

/** What `serve()` is given under Node. */
export interface NodeServeOptions extends ServeOptions {
  /**
   * Whether events may be written to the sockets themselves, past Node's HTTP, which costs much less time and memory.
   * Responses that it does not fit (compressed, transformed, HTTP/1.0) are served the usual way by themselves. Default: true.
   */
  fastPath?: boolean | undefined
}

/** How long a client or a peer may take to say what it wants, and how often that is looked at, in milliseconds. */
const HEADERS_LIMIT = { headersTimeout: 10_000, connectionsCheckingInterval: 2_000 }
/** How long clients that do not read may hold up a stop, in milliseconds. */
const CLOSE_GRACE_MS = 1_000
/** After how long a quiet connection of a peer is probed by TCP, in milliseconds. */
const KEEP_ALIVE_MS = 60_000

/**
 * Binds the internal port, joins the fleet, and binds the public port, in that order: no client arrives before
 * the Pod is one of the fleet. SIGTERM and SIGINT stop it.
 * @throws SserError `port-taken`, naming the port; what `sser.start()` throws.
 */
export function serve({ fastPath = true, ...options }: NodeServeOptions): Promise<Served> {
  const bindClients = fastPath ? bindFast : bindPublic
  return serveOn(
    { bindInternal, bindPublic: bindClients, process, transport: httpTransport, macOf: nodeMac },
    options,
  )
}

function bindPublic(fetch: ServeOptions['fetch'], port: number, hostname?: string): Promise<Bound> {
  const server = createAdaptorServer({
    fetch: withoutFastPath(fetch),
    serverOptions: HEADERS_LIMIT,
  }) as Server
  return listen(server, port, hostname)
}

function bindFast(fetch: ServeOptions['fetch'], port: number, hostname?: string): Promise<Bound> {
  const sinks = new Set<SocketSink>()
  const server = createAdaptorServer({
    fetch: withFastPath(fetch, sinks),
    serverOptions: HEADERS_LIMIT,
  }) as Server
  return listen(server, port, hostname, () => {
    for (const sink of sinks) sink.abort()
  })
}

function bindInternal(
  fetch: ServeOptions['fetch'],
  port: number,
  hostname?: string,
  tls?: PeerTls,
): Promise<Bound> {
  // A peer that is lost with its machine says nothing; its connections end all the same.
  const quiet = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
  const serverOptions = { ...HEADERS_LIMIT, ...quiet }
  const server = createAdaptorServer(
    tls === undefined
      ? { fetch, serverOptions }
      : {
          fetch,
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
  return listen(server, port, hostname)
}

/** `cut` ends what the server does not know of. */
function listen(
  server: Server,
  port: number,
  hostname: string | undefined,
  cut: () => void = () => {},
): Promise<Bound> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(bindError(port, cause)))
    server.listen(port, hostname, () => {
      resolve({ port: (server.address() as AddressInfo).port, close: () => close(server, cut) })
    })
  })
}

async function close(server: Server, cut: () => void): Promise<void> {
  // Node has accepted by then each connection that waited: those that still wait are reset with the listener.
  await new Promise(setImmediate)
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.closeAllConnections()
      cut()
    }, CLOSE_GRACE_MS)
    // Streams end a turn later; only then are their connections idle.
    const idle = setInterval(() => server.closeIdleConnections(), 20)
    server.close(() => {
      clearTimeout(timer)
      clearInterval(idle)
      resolve()
    })
  })
}
