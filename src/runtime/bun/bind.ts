import { bindError } from '../listener.ts'
import { BunListener } from './listener.ts'

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
