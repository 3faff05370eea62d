import { Hono } from 'hono'
import { SserError } from './errors.ts'
import type { MacOf } from './mesh/mac.ts'
import type { Transport } from './mesh/transport.ts'
import type { Sser } from './sser.ts'

/** What the runtimes' `serve()` is given. */
export interface ServeOptions {
  sser: Sser
  /** The app that clients reach, with `sser.routes` mounted in it. */
  fetch: (request: Request, env?: unknown) => Response | Promise<Response>
  /** The public port; 0 picks a free one. */
  port: number
  /** The public address. Default: all addresses. */
  hostname?: string | undefined
  /** The internal port; 0 picks a free one. Default: `sser.internalPort`. */
  internalPort?: number | undefined
  /** The internal address. Default: `hostname`. */
  internalHostname?: string | undefined
  /** Mutual TLS between Pods: the internal port and the links to peers then speak nothing else. Default: plain HTTP. */
  internalTls?: PeerTls | undefined
  /** A port of its own for `sser.opsRoutes`, plain: a kubelet's probes have no certificate. Default: the internal port. */
  opsPort?: number | undefined
}

/** A Pod's certificate, and whose certificates it takes, all as PEM. A Pod serves with it, and calls with it. */
export interface PeerTls {
  key: string
  cert: string
  /** Who signs the certificates of the fleet: it MUST sign for nobody else. */
  ca: string
  /** The name that every peer's certificate has; its address is not looked at, Pods change theirs. */
  servername: string
}

/** A Pod that serves. */
export interface Served {
  /** The public port that was bound. */
  port: number
  /** The internal port that was bound. */
  internalPort: number
  /** The port for operations that was bound: the internal one, unless it has its own. */
  opsPort: number
  /** Ends the connections, leaves the fleet and frees the ports: see `Sser.stop()`. */
  stop(): Promise<void>
}

/** A port that was bound, and how to let go of it. */
export interface Bound {
  port: number
  close(): Promise<void>
}

type Signal = 'SIGTERM' | 'SIGINT'
type Bind = (
  fetch: ServeOptions['fetch'],
  port: number,
  hostname: string | undefined,
  tls?: PeerTls,
) => Promise<Bound>

/** What a runtime lends to {@link serveOn}. */
export interface Runtime {
  /** How requests reach peers, where it has something leaner than `fetch`, or where they need certificates. */
  transport?: ((tls: PeerTls | undefined) => Transport | undefined) | undefined
  /** How messages between Pods are signed. */
  macOf: MacOf
  /** For peers. Go Pods keep their connections for ever, and lose the message that meets a closing one. */
  bindInternal: Bind
  /** For clients. Event streams are quiet for long. */
  bindPublic: Bind
  process: {
    once(signal: Signal, listener: () => unknown): unknown
    off(signal: Signal, listener: () => unknown): unknown
  }
}

const SIGNALS: readonly Signal[] = ['SIGTERM', 'SIGINT']

/** `serve()` on any runtime: internal port, fleet, public port, in that order; signals stop it at any time. */
export async function serveOn(runtime: Runtime, options: ServeOptions): Promise<Served> {
  const { sser, fetch, port, hostname, internalPort = sser.internalPort } = options
  const bound: Bound[] = []
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopAll(sser, bound).finally(() => {
      for (const signal of SIGNALS) runtime.process.off(signal, stop)
    })
    return stopping
  }
  // From the first moment: the first process of a container is deaf to a signal that it does not listen to.
  for (const signal of SIGNALS) runtime.process.once(signal, stop)
  try {
    const { internalHostname = hostname, internalTls, opsPort } = options
    const app = new Hono().route('/', sser.internalRoutes)
    if (opsPort === undefined) app.route('/', sser.opsRoutes)
    const internal = await runtime.bindInternal(app.fetch, internalPort, internalHostname, internalTls)
    bound.push(internal)
    let ops = internal
    if (opsPort !== undefined) {
      ops = await runtime.bindInternal(sser.opsRoutes.fetch, opsPort, internalHostname)
      bound.push(ops)
    }
    await sser.start({
      internalPort: internal.port,
      isSecured: internalTls !== undefined,
      transport: runtime.transport?.(internalTls),
      macOf: runtime.macOf,
    })
    const open = await runtime.bindPublic(fetch, port, hostname)
    bound.push(open)
    if (stopping !== undefined) throw new SserError('stopped', 'The Pod was told to stop while it started')
    return { port: open.port, internalPort: internal.port, opsPort: ops.port, stop }
  } catch (error) {
    await stop()
    await closeAll(bound)
    throw error
  }
}

/** What binding `port` threw, named where the port is in use. */
export function bindError(port: number, cause: unknown): unknown {
  if ((cause as { code?: unknown }).code !== 'EADDRINUSE') return cause
  return new SserError('port-taken', `Port ${port} is in use`, { cause })
}

async function stopAll(sser: Sser, bound: Bound[]): Promise<void> {
  await sser.stop()
  await closeAll(bound)
}

/** Each of them once; the one that was bound first, for peers, goes last: until then they are told that it stops. */
async function closeAll(bound: Bound[]): Promise<void> {
  for (const each of bound.splice(0).reverse()) await each.close()
}
