import { type Listener, STREAM_CLOSE_MS } from '../listener.ts'

/** How often requests in flight are looked for, in milliseconds: Bun itself also waits for connections that ask nothing. */
const CHECK_MS = 20

/** The part of Bun's server that closes it; that of a framework may have no more. */
export interface BunAppServer {
  stop(closeActiveConnections?: boolean): unknown
  readonly pendingRequests: number
  readonly port?: number | undefined
  requestIP?(request: Request): unknown
}

/** A bound port of Bun's server. */
export class BunListener implements Listener {
  readonly #server: BunAppServer
  /** Requests for event streams that ended while the Pod drains; their last bytes may be under way. */
  readonly #ended = new Set<Request>()

  constructor(server: BunAppServer) {
    this.#server = server
  }

  get port(): number {
    return this.#server.port as number
  }

  /** The event stream that answers `request` has ended, and the Pod drains. */
  streamEnded(request: Request): void {
    this.#ended.add(request)
  }

  async close(timeoutMs: number, idleMs = 0): Promise<void> {
    const start = performance.now()
    // Bun counts no idle connections, and closes them with the listener.
    if (idleMs > 0) await Bun.sleep(idleMs)
    // Closes idle connections at once, and the others after their response.
    void this.#server.stop(false)
    while (this.#isBusy(performance.now() - start, timeoutMs)) await Bun.sleep(CHECK_MS)
    // WebSockets, too: they do not end by themselves.
    await this.#server.stop(true)
  }

  #isBusy(elapsedMs: number, timeoutMs: number): boolean {
    const { pendingRequests } = this.#server
    if (pendingRequests === 0 || elapsedMs >= timeoutMs) return false
    return elapsedMs < STREAM_CLOSE_MS || pendingRequests > this.#unread()
  }

  /** Ended event streams that have not been read to their end. Bun forgets a request's address with its connection. */
  #unread(): number {
    let count = 0
    for (const request of this.#ended) if (this.#server.requestIP?.(request) !== null) count += 1
    return count
  }
}
