import { bunMac } from './bun/bun-mac.ts'
import { GoPosts } from './bun/go-posts.ts'
import { lasting } from './bun/lasting.ts'
import { fetchTransport, type Transport } from './mesh/transport.ts'
import { type Bound, bindError, type PeerTls, type Served, type ServeOptions, serveOn } from './serving.ts'

export type { PeerTls, Served, ServeOptions } from './serving.ts'

/** How long requests of peers may hold up a stop, and how often that is checked, in milliseconds. */
const CLOSE_GRACE_MS = 1_000
const CLOSE_POLL_MS = 20

/**
 * Binds the internal port, joins the fleet, and binds the public port, in that order: no client arrives before
 * the Pod is one of the fleet. SIGTERM and SIGINT stop it.
 * @throws SserError `port-taken`, naming the port; what `sser.start()` throws.
 */
export function serve(options: ServeOptions): Promise<Served> {
  return serveOn({ bindInternal, bindPublic, process, transport, macOf: bunMac }, options)
}

/** Bun's own `fetch` is what a Pod uses without, too. */
function transport(tls: PeerTls | undefined): Transport | undefined {
  if (tls === undefined) return undefined
  // Said, so that NODE_TLS_REJECT_UNAUTHORIZED, which may be there for other calls, does not let any peer in.
  const strict = { ...tls, rejectUnauthorized: true }
  return fetchTransport((url, init) => fetch(url.replace('http:', 'https:'), { ...init, tls: strict }))
}

async function bindInternal(
  fetch: ServeOptions['fetch'],
  port: number,
  hostname?: string,
  tls?: PeerTls,
): Promise<Bound> {
  const posts = new GoPosts()
  const options = {
    async fetch(request: Request, server: Bun.Server<undefined>) {
      const response = await fetch(request, server)
      posts.answered(request)
      return response
    },
    idleTimeout: 0,
    close: (server: Bun.Server<undefined>) => closeInternal(server, posts),
  }
  if (tls === undefined) return bind(port, hostname, options)
  return bind(port, hostname, { ...options, tls: { ...tls, requestCert: true, rejectUnauthorized: true } })
}

/** Takes no more connections, answers what has come on those that there are, and ends them. */
async function closeInternal(server: Bun.Server<undefined>, posts: GoPosts): Promise<void> {
  await posts.next()
  // The answer is to be written first.
  await new Promise(setImmediate)
  void server.stop()
  const deadline = performance.now() + CLOSE_GRACE_MS
  while (server.pendingRequests > 0 && performance.now() < deadline) await Bun.sleep(CLOSE_POLL_MS)
  await server.stop(true)
}

async function bindPublic(fetch: ServeOptions['fetch'], port: number, hostname?: string): Promise<Bound> {
  return bind(port, hostname, {
    async fetch(request, server) {
      return lasting(request, await fetch(request, server), (seconds) => server.timeout(request, seconds))
    },
  })
}

function bind(
  port: number,
  hostname: string | undefined,
  options: {
    fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>
    idleTimeout?: number
    tls?: Bun.TLSOptions
    close?: (server: Bun.Server<undefined>) => Promise<void>
  },
): Bound {
  const { close = (server) => server.stop(true), ...serving } = options
  try {
    const server = Bun.serve({
      port,
      ...(hostname === undefined ? {} : { hostname }),
      ...serving,
      // Bun's page of errors would show sources to strangers.
      development: false,
      // Without that page Bun would share a port that is taken, and say nothing.
      reusePort: false,
      // Where a request names no host, or none that is one, Bun's URL is a path alone, and Hono would find another in it.
      fetch: (request, server) =>
        URL.canParse(request.url)
          ? options.fetch(request, server)
          : new Response('a Host is required\n', { status: 400 }),
    })
    return { port: server.port as number, close: () => close(server) }
  } catch (cause) {
    throw bindError(port, cause)
  }
}
