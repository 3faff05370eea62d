import type { Server, ServerOptions } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { closeWhile } from './http/fetch-handler.ts'
import type { JoinOptions } from './runtime/join-options.ts'
import { withFastPath, withoutFastPath } from './runtime/node/fast-path.ts'
import { DEFAULT_HOST, HEADERS_LIMIT, NodeListener, TCP_KEEP_ALIVE } from './runtime/node/listener.ts'
import { requireNode } from './runtime/node/require-node.ts'
import { nodeRuntime } from './runtime/node/runtime.ts'
import { adoptServer, type NodeServer } from './runtime/node/server-connections.ts'
import { joinFleet, type RunningPod } from './runtime/running-pod.ts'
import { type BindPublic, type RunningServer, runServer, type ServeOptions } from './runtime/serve.ts'
import { requireOptions } from './validation.ts'

export { type NodeHandler, type NodeHandlerOptions, toNodeHandler } from './runtime/node/node-handler.ts'
export type { PeerTls, PeerTlsFiles, PeerTlsSource } from './transport/certificates.ts'
export type { JoinOptions, NodeServer, RunningPod, RunningServer, ServeOptions }

/** Options of `serve()` under Node. */
export interface NodeServeOptions extends ServeOptions {
  /**
   * Whether events may be written to the sockets themselves, past Node's HTTP, which costs much less time and memory.
   * Responses that it does not fit (compressed, transformed, HTTP/1.0) are served the usual way by themselves. Set it to false
   * to find out whether a fault depends on it.
   * @default true
   */
  fastPath?: boolean | undefined
  /**
   * Options of Node's `http.createServer()` for the public port.
   * @default a `keepAliveTimeout` of 620,000 ms, a `headersTimeout` of 10,000 ms, `keepAlive` of TCP after 60,000 ms, and
   * Node's own for the rest
   * @see https://nodejs.org/api/http.html#httpcreateserveroptions-requestlistener
   */
  serverOptions?: ServerOptions | undefined
}

/** Options of `join()` under Node. */
export interface NodeJoinOptions extends JoinOptions {
  /**
   * The server of the app's public port, such as `createServer(app)`: a stop closes it once the event streams have ended,
   * as `serve()` closes its own. Hand it over before it listens.
   * @default none: close the server in `beforeFlush`
   */
  server?: NodeServer | undefined
}

/** The options of the public port that differ from Node's own defaults. Times are in milliseconds. */
const PUBLIC_DEFAULTS = {
  ...HEADERS_LIMIT,
  ...TCP_KEEP_ALIVE,
  /**
   * An idle connection is kept for longer than balancers keep theirs (AWS ALB 60 s, GKE 600 s): otherwise one would send
   * a request while the Pod closes the connection, and answer 502.
   */
  keepAliveTimeout: 620_000,
} as const satisfies ServerOptions

/**
 * Binds the internal port, joins the fleet, and binds the public port, in that order: no client arrives before
 * the Pod is one of the fleet. SIGTERM and SIGINT stop it.
 * @throws SserError `invalid-options`, `port-in-use`, `port-not-permitted` or `address-not-available`, naming the option;
 * `open-internal-port`; what `sser.start()` throws.
 */
export async function serve(allOptions: NodeServeOptions = {} as NodeServeOptions): Promise<RunningServer> {
  requireNode()
  const { fastPath = true, serverOptions = {}, ...options } = requireOptions('serve()', allOptions)
  const bindPublic: BindPublic = (fetch, port, hostname, isDraining) => {
    const answer = closeWhile(isDraining, fetch)
    const server = createAdaptorServer({
      fetch: fastPath ? withFastPath(answer) : withoutFastPath(answer),
      hostname: DEFAULT_HOST,
      serverOptions: { ...PUBLIC_DEFAULTS, ...serverOptions },
    }) as Server
    return NodeListener.bind(server, port, hostname)
  }
  return runServer(nodeRuntime, bindPublic, options)
}

/**
 * For an app whose public port belongs to another server, such as that of Express: binds the internal port, and joins the
 * fleet. SIGTERM and SIGINT stop the Pod and then the app's `server`. Let it listen when this has resolved, so that no
 * client arrives before the Pod is one of the fleet.
 * @throws SserError `invalid-options`, `port-in-use`, `port-not-permitted` or `address-not-available`, naming the option;
 * `open-internal-port`; what `sser.start()` throws.
 */
export async function join(options: NodeJoinOptions = {} as NodeJoinOptions): Promise<RunningPod> {
  requireNode()
  return joinFleet(nodeRuntime, requireOptions('join()', options), {
    methods: ['close', 'prependListener'],
    expected: "a server of Node's HTTP modules, such as createServer(app)",
    adopt: (server) => adoptServer(server, options.sser),
  })
}
