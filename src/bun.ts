import { closeWhile, markTrailingSlash } from './http/fetch-handler.ts'
import { withoutIdleTimeout } from './runtime/bun/idle-timeout.ts'
import {
  type BunAppServer,
  BunListener,
  type BunServerOptions,
  bind,
  FIRST_REQUEST_TIMEOUT_S,
} from './runtime/bun/listener.ts'
import { bunRuntime, replacePrevious, requireBun } from './runtime/bun/runtime.ts'
import type { JoinOptions } from './runtime/join-options.ts'
import { joinFleet, type RunningPod } from './runtime/running-pod.ts'
import { type BindPublic, type RunningServer, runServer, type ServeOptions } from './runtime/serve.ts'
import { requireOptions } from './validation.ts'

export type { PeerTls, PeerTlsFiles, PeerTlsSource } from './transport/certificates.ts'
export type { BunAppServer, BunServerOptions, JoinOptions, RunningPod, RunningServer, ServeOptions }

/** Options of `serve()` under Bun. */
export interface BunServeOptions extends ServeOptions {
  /**
   * Options of `Bun.serve()` for the public port: `maxRequestBodySize`, `websocket`, `error`, `tls` and the like.
   * `idleTimeout` is in seconds, at most 255, and counts from a connection's first request on; 0 means none:
   * set it for answers of the app that are quiet for longer. It does not apply to event streams.
   * @default an `idleTimeout` of 255, and no page of errors
   * @see https://bun.com/docs/runtime/http/server
   */
  serverOptions?: BunServerOptions | undefined
}

/** Options of `join()` under Bun. */
export interface BunJoinOptions extends JoinOptions {
  /**
   * The server of the app's public port, as `Bun.serve()` returns it: a stop closes it once the event streams have ended,
   * as `serve()` closes its own.
   * @default none: close the server in `beforeFlush`
   */
  server?: BunAppServer | undefined
}

/** The longest that Bun has, in seconds: above the 60 of an AWS ALB, which would otherwise use a connection that is closing. */
const IDLE_TIMEOUT_S = 255

/**
 * Binds the internal port, joins the fleet, and binds the public port, in that order: no client arrives before
 * the Pod is one of the fleet. SIGTERM and SIGINT stop it.
 * @throws SserError `invalid-options`, `port-in-use`, `port-not-permitted` or `address-not-available`, naming the option;
 * `open-internal-port`; what `sser.start()` throws.
 */
export async function serve(allOptions: BunServeOptions = {} as BunServeOptions): Promise<RunningServer> {
  requireBun()
  const { serverOptions = {}, ...options } = requireOptions('serve()', allOptions)
  const { idleTimeout = IDLE_TIMEOUT_S, ...own } = serverOptions
  const bindPublic: BindPublic = async (fetch, port, hostname, isDraining) => {
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
  const { hostname = '', port, sser } = options
  const onBegin = (retire: () => void) => replacePrevious(`${hostname}:${port} ${sser?.internalPort}`, retire)
  return runServer({ ...bunRuntime, onBegin }, bindPublic, options)
}

/**
 * For an app whose public port belongs to another server, such as `Bun.serve()` with routes, or Elysia: binds the internal
 * port, and joins the fleet. SIGTERM and SIGINT stop the Pod and then the app's `server`. Clients that arrive before this has
 * resolved are told to come again.
 * @throws SserError `invalid-options`, `port-in-use`, `port-not-permitted` or `address-not-available`, naming the option;
 * `open-internal-port`; what `sser.start()` throws.
 */
export async function join(options: BunJoinOptions = {} as BunJoinOptions): Promise<RunningPod> {
  requireBun()
  const { sser, internalHostname = '' } = requireOptions('join()', options)
  const onBegin = (retire: () => void) => replacePrevious(`${internalHostname}:${sser?.internalPort}`, retire)
  return joinFleet({ ...bunRuntime, onBegin }, options, {
    methods: ['stop'],
    expected: 'a server of Bun, such as Bun.serve({ … })',
    adopt: (server) => new BunListener(server),
  })
}
