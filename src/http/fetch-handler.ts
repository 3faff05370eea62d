/** The response of Node's HTTP server, as Node's frameworks pass it on. */
export interface NodeResponse {
  once(event: 'close', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
  destroy(): unknown
  readonly destroyed?: boolean
}

/** The second argument that runtimes hand to an app. */
interface Env {
  /** The request of Node's HTTP. */
  incoming?: { url?: string; originalUrl?: string; readableFlowing?: boolean | null; resume?: () => unknown }
  /** The response of Node's HTTP. */
  outgoing?: Partial<NodeResponse>
  /** Bun's server. */
  requestIP?: unknown
}

function envOf(env: unknown): Env {
  return typeof env === 'object' && env !== null ? env : {}
}

/** Node's response, where `env` has it. */
export function nodeResponseIn(env: unknown): NodeResponse | undefined {
  const { outgoing } = envOf(env)
  const isResponse = typeof outgoing?.once === 'function' && typeof outgoing.destroy === 'function'
  return isResponse ? (outgoing as NodeResponse) : undefined
}

/** A watch over the connection of a client whose request waits. */
export interface ClientWatch {
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal
  stop(): void
}

/**
 * Begins to watch the connection of a client. Under Node by the response, because the fast path takes no request whose `signal`
 * was read.
 */
export function watchClient(request: Request, env: unknown): ClientWatch {
  const response = nodeResponseIn(env)
  if (response === undefined) return { signal: request.signal, stop() {} }
  const left = new AbortController()
  const leave = () => left.abort()
  if (response.destroyed === true) leave()
  else response.once('close', leave)
  return { signal: left.signal, stop: () => response.off('close', leave) }
}

/**
 * Reads and drops the body of the request, unless the app reads it; false where `env` has no way to do so. An unread body
 * in pieces of one byte costs Node some 400 times its size, for as long as the response lasts.
 */
export function dropBody(env: unknown): boolean {
  const { incoming, requestIP } = envOf(env)
  // Bun drops it.
  if (typeof incoming?.resume !== 'function') return typeof requestIP === 'function'
  if (incoming.readableFlowing === null) incoming.resume()
  return true
}

/** @see https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length */
export function hasBody({ headers }: Request): boolean {
  const length = headers.get('content-length')
  return headers.has('transfer-encoding') || (length !== null && length !== '0')
}

/** The path that the client requested, where `env` has it: a router may have copied the request with another path. */
function originalPathIn(env: unknown): string | undefined {
  const { incoming } = envOf(env)
  return (incoming?.originalUrl ?? incoming?.url)?.split('?')[0]
}

/** The methods of Bun's server that act on one connection. */
export interface BunServer {
  /** Sets the idle timeout of the connection, in seconds; 0 turns it off. It outlasts the request. */
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { address: string } | null
}

/** Bun's server, where `env` is that server or has it as `server`, as Hono's apps do under Bun. */
export function bunServerIn(env: unknown): BunServer | undefined {
  if (typeof env !== 'object' || env === null) return undefined
  if (isBunServer(env)) return env
  const { server } = env as { server?: unknown }
  return typeof server === 'object' && server !== null && isBunServer(server) ? server : undefined
}

function isBunServer(value: object): value is BunServer {
  const { timeout, requestIP } = value as Partial<BunServer>
  return typeof timeout === 'function' && typeof requestIP === 'function'
}

/** An app as `fetch` of a server: Hono's `app.fetch`, or any function like it. */
export type FetchHandler = (request: Request, env?: unknown) => Response | Promise<Response>

/**
 * Wraps `fetch` so that every response of a draining Pod closes its connection, because a client that reuses the connection
 * would reach the same Pod again.
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-tear-down
 */
export function closeWhile(isDraining: () => boolean, fetch: FetchHandler): FetchHandler {
  const finish = (response: Response) => (isDraining() ? withConnectionClose(response) : response)
  return (request, env) => {
    const response = fetch(request, env)
    return isPromise(response) ? response.then(finish) : finish(response)
  }
}

/** Checks the shape, because an app may return the promise of another realm. */
export function isPromise(response: Response | Promise<Response>): response is Promise<Response> {
  return typeof (response as Partial<Promise<Response>> | undefined)?.then === 'function'
}

/** Returns the response with `Connection: close`. */
export function withConnectionClose(response: Response): Response {
  // Under Bun a request that was upgraded to a WebSocket has no response. `Response.error()` has the status 0.
  if (response === undefined || response.status < 200) return response
  try {
    response.headers.set('connection', 'close')
    return response
  } catch {
    // The headers of a response of `fetch()` are immutable.
    const { status, statusText, body } = response
    const headers = new Headers(response.headers)
    headers.set('connection', 'close')
    return new Response(body, { status, statusText, headers })
  }
}

/** Returns whether the `Host` header is invalid. Bun's URL is then a path alone, as for HTTP/1.0 without a `Host`. */
export function hasInvalidHost({ url, headers }: Request): boolean {
  return !URL.canParse(url) && headers.has('host')
}

/** The query with its question mark, also of a URL that is a path alone. */
export function searchOf({ url }: Request): string {
  const [whole] = url.split('#', 1) as [string]
  const start = whole.indexOf('?')
  return start === -1 ? '' : whole.slice(start)
}

/** Signals of such requests: Bun gives a copy of a request the same signal. */
const withTrailingSlash = new WeakSet<AbortSignal>()

/** Marks a request for a path with a trailing slash, for a runtime without the original path in its `env`. */
export function markTrailingSlash(request: Request): void {
  const { url } = request
  const query = url.indexOf('?')
  const end = query === -1 ? url.length : query
  const start = url.indexOf('/', url.indexOf('//') + 2)
  if (url[end - 1] === '/' && start < end - 1) withTrailingSlash.add(request.signal)
}

/**
 * Returns whether a request that Hono's `app.mount('/events', handler)` passes on is for a path below `/events`. Hono
 * rewrites `/events` itself to `/`; a middleware for `/events` alone does not guard the paths below.
 */
export function isBelowMount(request: Request, env: unknown): boolean {
  if (new URL(request.url).pathname !== '/') return true
  const original = originalPathIn(env)
  if (original === undefined) return withTrailingSlash.has(request.signal)
  return original.length > 1 && original.endsWith('/')
}
