import cluster from 'node:cluster'
import type { Server } from 'node:http'
import type { AddressInfo, ListenOptions, Socket } from 'node:net'
import { bindError, type Listener, STREAM_CLOSE_MS } from '../serve.ts'
import { isInCloseTimeout } from './close-timeout.ts'

/** How often connections are looked for that have become idle, in milliseconds: a response ends a turn later. */
const IDLE_CHECK_MS = 20

/** How long a worker of node:cluster waits for its internal port, in milliseconds: above PM2's `listen_timeout` and the old worker's stop. */
const PORT_WAIT_MS = 45_000
/** How often it tries, in milliseconds. */
const PORT_RETRY_MS = 100

/** For {@link bindError} where workers of node:cluster, which share ports otherwise, have one internal port. */
const OWN_PORT_FIX =
  '; give each worker of node:cluster or PM2 an internalPort (and opsPort) of its own, and find them with WorkerPeerFinder'

/** A bound port, and every socket that it has accepted: Node's own list lacks those that left HTTP. */
export class NodeListener implements Listener {
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor(server: Server, sockets: Set<Socket>) {
    this.port = (server.address() as AddressInfo).port
    this.#server = server
    this.#sockets = sockets
  }

  /**
   * `isExclusive`: workers of node:cluster do not share the port. Such a worker retries for `waitMs`, because `pm2 reload`
   * starts it while the worker that it replaces still holds the port. Rejects with the error of {@link bindError}.
   */
  static async bind(
    server: Server,
    port: number,
    hostname: string | undefined,
    isExclusive = false,
    waitMs: number = PORT_WAIT_MS,
  ): Promise<NodeListener> {
    const sockets = new Set<Socket>()
    // One function for all of them.
    function forget(this: Socket) {
      sockets.delete(this)
    }
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', forget)
    })
    const waits = isExclusive && cluster.isWorker
    const deadline = performance.now() + (waits ? waitMs : 0)
    for (let isFirst = true; ; isFirst = false) {
      try {
        await listen(server, { port, host: hostname, exclusive: isExclusive })
        return new NodeListener(server, sockets)
      } catch (cause) {
        const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
        if (!isInUse || performance.now() >= deadline)
          throw bindError(port, hostname, cause, waits ? OWN_PORT_FIX : '')
        if (isFirst)
          process.emitWarning(
            `sser: internal port ${port} is in use; this worker retries for ${waitMs / 1_000} s, until the worker that it replaces has stopped`,
          )
        await new Promise((resolve) => setTimeout(resolve, PORT_RETRY_MS))
      }
    }
  }

  async close(timeoutMs: number): Promise<void> {
    const server = this.#server
    // Node has accepted by then each connection that waited: those that still wait are reset with the listener.
    await new Promise(setImmediate)
    return new Promise((resolve) => {
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
      const early = setTimeout(() => this.#destroy(hasNoRequest), STREAM_CLOSE_MS)
      const late = setTimeout(() => this.#destroy(), timeoutMs)
      server.close(() => {
        clearInterval(idle)
        clearTimeout(early)
        clearTimeout(late)
        resolve()
      })
    })
  }

  #destroy(isMeant: (socket: Socket) => boolean = () => true): void {
    for (const socket of this.#sockets) if (isMeant(socket)) socket.destroy()
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

/** Its event stream is over, or it has never asked for anything: browsers open connections ahead of need. */
function hasNoRequest(socket: Socket): boolean {
  return isInCloseTimeout(socket) || socket.bytesRead === 0
}
