import cluster from 'node:cluster'
import type { Server } from 'node:http'
import type { AddressInfo, ListenOptions } from 'node:net'
import { bindError, type Listener } from '../listener.ts'
import { ServerConnections } from './server-connections.ts'

/** How long a client or a peer may take to send a request's headers, and how often that is checked, in milliseconds. */
export const HEADERS_LIMIT = { headersTimeout: 10_000, connectionsCheckingInterval: 2_000 } as const
/** TCP probes a quiet connection after 60 s, because a client or peer that is lost with its machine or network sends nothing. */
export const TCP_KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 60_000 } as const

/** The host in the URL of a request without a `Host`, as HTTP/1.0 allows: balancers probe so. Node refuses HTTP/1.1 without. */
export const DEFAULT_HOST = 'localhost'

/** How long a worker of node:cluster waits for its internal port, in milliseconds: above PM2's `listen_timeout` and the old worker's stop. */
const PORT_WAIT_MS = 45_000
/** How often it tries, in milliseconds. */
const PORT_RETRY_MS = 100

/** For {@link bindError} where workers of node:cluster, which share ports otherwise, have one internal port. */
const OWN_PORT_FIX =
  '; give each worker of node:cluster or PM2 an internalPort (and opsPort) of its own, and find them with WorkerPeerFinder'

/** A bound port. */
export class NodeListener implements Listener {
  readonly port: number
  readonly #connections: ServerConnections

  private constructor(server: Server, connections: ServerConnections) {
    this.port = (server.address() as AddressInfo).port
    this.#connections = connections
  }

  /**
   * `exclusive`: workers of node:cluster do not share the port. Such a worker retries for 45 s or until the signal, because
   * `pm2 reload` starts it while the worker that it replaces still holds the port. Rejects with the error of
   * {@link bindError}, or with the signal's reason.
   */
  static async bind(
    server: Server,
    port: number,
    hostname: string | undefined,
    exclusive?: { signal: AbortSignal; waitMs?: number },
  ): Promise<NodeListener> {
    const connections = new ServerConnections(server)
    const isExclusive = exclusive !== undefined
    const waits = isExclusive && cluster.isWorker
    const waitMs = exclusive?.waitMs ?? PORT_WAIT_MS
    const deadline = performance.now() + (waits ? waitMs : 0)
    for (let isFirst = true; ; isFirst = false) {
      try {
        await listen(server, { port, host: hostname, exclusive: isExclusive })
        return new NodeListener(server, connections)
      } catch (cause) {
        const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
        if (!isInUse || performance.now() >= deadline)
          throw bindError(port, hostname, cause, waits ? OWN_PORT_FIX : '')
        if (isFirst)
          process.emitWarning(
            `sser: internal port ${port} is in use; this worker retries for ${waitMs / 1_000} s, until the worker that it replaces has stopped`,
          )
        exclusive?.signal.throwIfAborted()
        await new Promise((resolve) => setTimeout(resolve, PORT_RETRY_MS))
      }
    }
  }

  close(timeoutMs: number, idleMs?: number): Promise<void> {
    return this.#connections.close(timeoutMs, idleMs)
  }
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = () => {
      server.off('error', onError)
      resolve()
    }
    const onError = (error: Error) => {
      server.off('listening', onListening)
      reject(error)
    }
    server.once('listening', onListening).once('error', onError).listen(options)
  })
}
