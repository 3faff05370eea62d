import { bindError, type Listener, STREAM_CLOSE_MS } from '../listener.ts'

/** Options of `Bun.serve()`, without the options that `serve()` sets itself. */
export type BunServerOptions = Omit<
  Bun.Serve.HostnamePortServeOptions<unknown>,
  'hostname' | 'port' | 'reusePort' | 'id'
> & {
  // biome-ignore lint/suspicious/noExplicitAny: the app's own data of a WebSocket
  websocket?: Bun.WebSocketHandler<any>
}

/** How long a new connection may take to send its first request, in seconds. Bun counts in steps of 4. */
export const FIRST_REQUEST_TIMEOUT_S = 10

interface BindOptions extends BunServerOptions {
  /** By which `bun --hot` finds the server again: its own would be the same for two free ports. */
  id: string
  fetch(request: Request, server: Bun.Server<unknown>): Response | Promise<Response>
}

/** Binds a port. Throws the error of {@link bindError}. */
export function bind(port: number, hostname: string | undefined, options: BindOptions): BunListener {
  try {
    const all = {
      // Bun's page of errors would show sources to strangers.
      development: false,
      ...options,
      port,
      ...(hostname === undefined ? {} : { hostname }),
      // Without that page Bun would share a port that is taken, and say nothing.
      reusePort: false,
      fetch: (request: Request, server: Bun.Server<unknown>) =>
        hasUrl(request)
          ? options.fetch(request, server)
          : new Response('a valid Host is required\n', { status: 400 }),
    }
    // With and without `websocket` Bun's type has two forms.
    const server = Bun.serve(all as Bun.Serve.Options<unknown>)
    return new BunListener(server)
  } catch (cause) {
    throw bindError(port, hostname, cause)
  }
}

/**
 * Returns whether the request has an absolute URL. Without a valid `Host` Bun's URL is a path alone, and Hono would
 * find another path in it. HTTP/1.0 allows a request without `Host`, and balancers send such probes; Bun itself rejects
 * it in HTTP/1.1.
 */
function hasUrl(request: Request): boolean {
  const { url, headers } = request
  if (URL.canParse(url)) return true
  if (headers.has('host') || !url.startsWith('/')) return false
  // On the request itself: Bun knows no other one's address and time limit.
  Object.defineProperty(request, 'url', { value: `http://localhost${url}` })
  return true
}

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
