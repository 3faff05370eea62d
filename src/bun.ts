import { closeWhile } from './http/connection-close.ts'
import { markTrailingSlash } from './http/mount-path.ts'
import { bunMac } from './runtime/bun/bun-mac.ts'
import { certificateReader } from './runtime/bun/certificate-reader.ts'
import { GoPosts } from './runtime/bun/go-posts.ts'
import { isHot, replacePrevious } from './runtime/bun/hot.ts'
import { withoutIdleTimeout } from './runtime/bun/idle-timeout.ts'
import { BunListener } from './runtime/bun/listener.ts'
import { requireBun } from './runtime/bun/require-bun.ts'
import {
  bindError,
  type Listener,
  type PeerTls,
  type RunningServer,
  type Runtime,
  runServer,
  type ServeOptions,
} from './runtime/serve.ts'
import { fetchTransport, type PeerTransport } from './transport/peer-transport.ts'
import { requireOptions } from './validation.ts'

export type { PeerTls, PeerTlsFiles, PeerTlsSource, RunningServer, ServeOptions } from './runtime/serve.ts'

/** Options of `serve()` under Bun. */
export interface BunServeOptions extends ServeOptions {
  /**
   * Options of `Bun.serve()` for the public port: `maxRequestBodySize`, `websocket`, `error`, `tls` and the like.
   * `idleTimeout` is in seconds, at most 255, and counts from a connection's first request on; 0 means none, as for
   * streams and answers of the app that are quiet for longer. Default: an `idleTimeout` of 255, and no page of errors.
   * @see https://bun.com/docs/runtime/http/server
   */
  serverOptions?: BunServerOptions | undefined
}

/** Options of `Bun.serve()`, without those that `serve()` sets itself. */
export type BunServerOptions = Omit<
  Bun.Serve.HostnamePortServeOptions<unknown>,
  'hostname' | 'port' | 'reusePort' | 'id'
> & {
  // biome-ignore lint/suspicious/noExplicitAny: the app's own data of a WebSocket
  websocket?: Bun.WebSocketHandler<any>
}

/** How long requests may go on that came before a certificate was renewed, in milliseconds. */
const OLD_LISTENER_MS = 10_000
/** How long a new connection may take to send its first request, in seconds. Bun counts in steps of 4. */
const FIRST_REQUEST_TIMEOUT_S = 10
/** The longest that Bun has, in seconds: above the 60 of an AWS ALB, which would otherwise use a connection that is closing. */
const IDLE_TIMEOUT_S = 255

/**
 * Binds the internal port, joins the fleet, and binds the public port, in that order: no client arrives before
 * the Pod is one of the fleet. SIGTERM and SIGINT stop it.
 * @throws SserError `invalid-options`, naming the option and the expected value; `port-in-use`, naming the port; what `sser.start()` throws.
 */
export async function serve(allOptions: BunServeOptions = {} as BunServeOptions): Promise<RunningServer> {
  requireBun()
  const { serverOptions = {}, ...options } = requireOptions('serve()', allOptions)
  const { idleTimeout = IDLE_TIMEOUT_S, ...own } = serverOptions
  const bindPublic: Runtime['bindPublic'] = async (fetch, port, hostname, isDraining) => {
    const answer = closeWhile(isDraining, fetch)
    const listener = bind(port, hostname, {
      ...own,
      id: `sser public ${hostname}:${port}`,
      idleTimeout: FIRST_REQUEST_TIMEOUT_S,
      async fetch(request, server) {
        server.timeout(request, idleTimeout)
        markTrailingSlash(request)
        return withoutIdleTimeout(request, await answer(request, server), {
          server,
          idleTimeout,
          onEnd: () => {
            if (isDraining()) listener.streamEnded(request)
          },
        })
      },
    })
    return listener
  }
  const { hostname = '', port, internalPort = options.sser?.internalPort } = options
  const onBegin = (retire: () => void) => replacePrevious(`${hostname}:${port} ${internalPort}`, retire)
  return runServer(
    {
      bindInternal,
      bindPublic,
      process,
      transport,
      hmacFactory: bunMac,
      certificateReader,
      // It waits for the next save.
      exitsOnSignal: isHot,
      onBegin,
    },
    options,
  )
}

/** Bun's own `fetch` is what a Pod uses without, too. */
function transport(current: (() => PeerTls) | undefined): PeerTransport | undefined {
  if (current === undefined) return undefined
  let tls = current()
  let strict = strictly(tls)
  return fetchTransport((url, init) => {
    if (tls !== current()) {
      tls = current()
      strict = strictly(tls)
    }
    return fetch(url.replace('http:', 'https:'), { ...init, tls: strict })
  })
}

function strictly(tls: PeerTls): PeerTls & { rejectUnauthorized: true } {
  // Said, so that NODE_TLS_REJECT_UNAUTHORIZED, which may be there for other calls, does not let any peer in.
  return { ...tls, rejectUnauthorized: true }
}

async function bindInternal(
  fetch: ServeOptions['fetch'],
  port: number,
  hostname?: string,
  tls?: PeerTls,
): Promise<Listener> {
  const posts = new GoPosts()
  const bindWith = (at: number, certificate?: PeerTls) =>
    bind(at, hostname, {
      async fetch(request, server) {
        const response = await fetch(request, server)
        posts.answered(request)
        // Go Pods keep their connections for ever, and lose the message that meets a closing one.
        if (request.method === 'POST' && response.status === 200) server.timeout(request, 0)
        return response
      },
      id: `sser internal ${hostname}:${at}`,
      // For connections that no peer has used: nothing else bounds them.
      idleTimeout: FIRST_REQUEST_TIMEOUT_S,
      ...(certificate !== undefined && {
        tls: { ...certificate, requestCert: true, rejectUnauthorized: true },
      }),
    })
  let listener = bindWith(port, tls)
  // Kept, because a server of Bun that was stopped has the port 0.
  const { port: boundPort } = listener
  let isClosed = false
  return {
    port: boundPort,
    async close(timeoutMs) {
      await posts.next()
      // The answer is to be written first.
      await new Promise(setImmediate)
      isClosed = true
      await listener.close(timeoutMs)
    },
    // Bun's reload() leaves the certificate as it is. No other code runs between the two calls, so that a peer finds the port.
    renew(renewed) {
      if (isClosed) return
      void listener.close(OLD_LISTENER_MS)
      listener = bindWith(boundPort, renewed)
    },
  }
}

interface BindOptions extends BunServerOptions {
  /** By which `bun --hot` finds the server again: its own would be the same for two free ports. */
  id: string
  fetch(request: Request, server: Bun.Server<unknown>): Response | Promise<Response>
}

function bind(port: number, hostname: string | undefined, options: BindOptions): BunListener {
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
 * Whether the request has a whole URL. Without a valid `Host` Bun's URL is a path alone, and Hono would find another path
 * in it. HTTP/1.0 allows that there is none, and balancers probe so; Bun itself refuses HTTP/1.1 without.
 */
function hasUrl(request: Request): boolean {
  const { url, headers } = request
  if (URL.canParse(url)) return true
  if (headers.has('host') || !url.startsWith('/')) return false
  // On the request itself: Bun knows no other one's address and time limit.
  Object.defineProperty(request, 'url', { value: `http://localhost${url}` })
  return true
}
