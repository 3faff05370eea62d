import { Server as HttpServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2Server, Http2Session } from 'node:http2'
import { Server as HttpsServer, type Server as TlsServer } from 'node:https'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Sser, serverSideOf } from '../../sser.ts'
import { type PublicServer, STREAM_CLOSE_MS } from '../listener.ts'
import { isDraining } from '../running-pod.ts'
import { isInCloseTimeout, isLastResponse } from './close-timeout.ts'

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

/** How often connections are looked for that have become idle, in milliseconds: a response ends a turn later. */
const IDLE_CHECK_MS = 20

/**
 * Every connection that a server has accepted since construction. Node's own list lacks connections detached from HTTP.
 */
export class ServerConnections implements PublicServer {
  /** A server of HTTP/2 lacks the methods that are optional here. */
  readonly #server: Pick<Server, 'close' | 'once'> & Partial<Server>
  readonly #sockets: Set<Socket>
  readonly #sessions: Set<Http2Session>

  constructor(server: NodeServer) {
    this.#server = server as Server
    this.#sockets = eachUntilClosed(server as Server, 'connection')
    this.#sessions = eachUntilClosed(server as Server, 'session')
  }

  async close(timeoutMs: number, idleMs = 0): Promise<void> {
    const server = this.#server
    const start = performance.now()
    const after = (ms: number) => Math.max(0, start + ms - performance.now())
    // One turn, in which Node accepts each waiting connection: closing the listener resets connections that still wait.
    await new Promise(setImmediate)
    const closed = new Promise<void>((resolve) => {
      server.once('close', resolve)
    })
    if (idleMs > 0 && this.#canServeIdle) await this.#serveIdle(idleMs)
    else server.close()
    const idle = setInterval(() => server.closeIdleConnections?.(), IDLE_CHECK_MS)
    const early = setTimeout(() => this.#destroy(hasNoRequest), after(STREAM_CLOSE_MS))
    const late = setTimeout(() => {
      this.#destroy()
      // Closes connections that were accepted before construction, too.
      server.closeAllConnections?.()
    }, after(timeoutMs))
    for (const session of this.#sessions) session.close()
    await closed
    clearInterval(idle)
    clearTimeout(early)
    clearTimeout(late)
  }

  /** HTTP/2 tells its clients by itself that a session takes no more requests, and a method of the app's own is left alone. */
  get #canServeIdle(): boolean {
    const { close, listening } = this.#server as Server
    return listening && (close === HttpServer.prototype.close || close === HttpsServer.prototype.close)
  }

  /** Accepts no more connections, and waits for up to `ms` until each idle one has had a last response, which closes it. */
  async #serveIdle(ms: number): Promise<void> {
    const end = performance.now() + ms
    // The method of node:http would close the idle connections at once.
    NetServer.prototype.close.call(this.#server)
    while (this.#hasKeepAlive() && performance.now() < end) await delay(IDLE_CHECK_MS)
  }

  #hasKeepAlive(): boolean {
    for (const socket of this.#sockets) if (!hasNoRequest(socket)) return true
    return false
  }

  #destroy(isMeant: (socket: Socket) => boolean = () => true): void {
    for (const socket of this.#sockets) if (isMeant(socket)) socket.destroy()
  }
}

/** The objects that the server emits as `event`, until each of them has closed. */
function eachUntilClosed<T extends Socket | Http2Session>(server: Server, event: string): Set<T> {
  const open = new Set<T>()
  // One function for all of them.
  function forget(this: T) {
    open.delete(this)
  }
  server.on(event, (each: T) => {
    open.add(each)
    each.on('close', forget)
  })
  return open
}

/** Its event stream is over, or it has never asked for anything: browsers open connections ahead of need. */
function hasNoRequest(socket: Socket): boolean {
  return isInCloseTimeout(socket) || socket.bytesRead === 0
}
