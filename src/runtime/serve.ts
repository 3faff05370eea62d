import { Hono } from 'hono'
import * as v from 'valibot'
import { MAX_TIMER_MS } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { FetchHandler } from '../http/connection-close.ts'
import { type Sser, serverSideOf } from '../sser.ts'
import {
  type CertificateReader,
  PeerCertificates,
  type PeerTls,
  type PeerTlsSource,
} from '../transport/certificates.ts'
import type { HmacFactory } from '../transport/hmac.ts'
import type { PeerTransport } from '../transport/peer-transport.ts'
import { checkOptions, hasMethods, whole, withDefault } from '../validation.ts'
import { forInternalPort, isLoopback } from './internal-port.ts'
import { type SignalSource, StopSignals } from './signals.ts'

export type { PeerTls, PeerTlsFiles, PeerTlsSource } from '../transport/certificates.ts'

/** Options of `serve()`. */
export interface ServeOptions {
  /** The instance to start. */
  sser: Sser
  /** Handles the requests of clients: an app with `sser.routes` mounted, such as `app.fetch` of Hono. */
  fetch: FetchHandler
  /** Public port; 0 chooses a free one. */
  port: number
  /**
   * Address of the public port.
   * @default all addresses
   */
  hostname?: string | undefined
  /**
   * Internal port; 0 chooses a free one.
   * @default the option `internalPort` of `new Sser()`
   */
  internalPort?: number | undefined
  /**
   * Address of the internal port.
   * @default `hostname`
   */
  internalHostname?: string | undefined
  /**
   * Mutual TLS between Pods, for the internal port and all links. Pass files or a function if certificates are renewed,
   * because `serve()` reads these again.
   * @default plain HTTP
   */
  internalTls?: PeerTlsSource | undefined
  /**
   * Separate port for `sser.opsRoutes`, without TLS because a kubelet's probes have no certificate.
   * @default the internal port
   */
  opsPort?: number | undefined
  /**
   * Time in which requests in flight must end when the public port closes, in milliseconds, streaming responses included;
   * then their connections are closed. The port closes after the event streams have ended (`drainTimeoutMs`), and before
   * `flushTimeoutMs` begins: `terminationGracePeriodSeconds` must exceed the sum of the three. Minimum: 0.
   * @default 10_000
   */
  requestDrainTimeoutMs?: number | undefined
}

/** A running server: its ports, and how to stop it. */
export interface RunningServer {
  /** The public port that was bound. */
  port: number
  /** The internal port that was bound. */
  internalPort: number
  /** The port for operations that was bound: the internal one, unless it has its own. */
  opsPort: number
  /** Closes the connections, leaves the fleet and frees the ports: see `Sser.stop()`. */
  stop(): Promise<void>
  /** Calls `stop()`: `await using server = await serve(…)`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** A bound port. */
export interface Listener {
  port: number
  /**
   * Closes it to new connections, and idle connections with it. Resolves when the requests in flight are answered, and
   * cuts their connections after `timeoutMs`.
   */
  close(timeoutMs: number): Promise<void>
  /** Serves new connections with a renewed certificate. */
  renew?(tls: PeerTls): void
}

type Bind = (
  fetch: FetchHandler,
  port: number,
  hostname: string | undefined,
  tls?: PeerTls,
) => Promise<Listener>

/** What a runtime provides to {@link runServer}. */
export interface Runtime {
  /** How requests reach peers, where it has something leaner than `fetch`, or where they need certificates. */
  transport?: ((tls: (() => PeerTls) | undefined) => PeerTransport | undefined) | undefined
  /** How certificates are read. */
  certificateReader: CertificateReader
  /** How messages between Pods are signed. */
  hmacFactory: HmacFactory
  /** For peers. Go Pods keep their connections for ever, and lose the message that meets a closing one. */
  bindInternal: Bind
  /** For clients. Event streams are quiet for long; answers while the Pod drains close their connection. */
  bindPublic(
    fetch: FetchHandler,
    port: number,
    hostname: string | undefined,
    isDraining: () => boolean,
  ): Promise<Listener>
  process: SignalSource
  /** Whether the process continues after a stop, so that it must exit after a signal. Default: false. */
  exitsOnSignal?: boolean | undefined
  /**
   * Called before anything is bound, with what makes the instance leave and its clients come back, and leaves the ports
   * and signals to a server that replaces this one in the same process.
   */
  onBegin?: ((retire: () => void) => void) | undefined
}

/** Time for which clients that do not read an ended event stream can delay a stop, in milliseconds. */
export const STREAM_CLOSE_MS = 1_000
/** How long requests of peers and probes may hold up a stop, in milliseconds. */
const INTERNAL_CLOSE_MS = 1_000

/** The default of {@link ServeOptions.requestDrainTimeoutMs}. */
export const REQUEST_DRAIN_TIMEOUT_MS = 10_000

const port = whole(0, 65_535)
const schema = v.strictObject({
  sser: v.custom<Sser>((value) => hasMethods(value, ['start', 'stop']), 'an Sser'),
  fetch: v.custom<FetchHandler>(
    (value) => typeof value === 'function',
    'a function of (request, env), such as app.fetch',
  ),
  port,
  hostname: v.optional(v.string()),
  internalPort: v.optional(port),
  internalHostname: v.optional(v.string()),
  internalTls: v.optional(v.unknown()),
  opsPort: v.optional(port),
  requestDrainTimeoutMs: withDefault(REQUEST_DRAIN_TIMEOUT_MS, 0, MAX_TIMER_MS),
  serverOptions: v.optional(v.unknown()),
  // Node's alone; other runtimes ignore it, so that one set of options fits each of them.
  fastPath: v.optional(v.boolean()),
})

/** `serve()` on any runtime: internal port, fleet, public port, in that order; signals stop it at any time. */
export async function runServer(runtime: Runtime, options: ServeOptions): Promise<RunningServer> {
  const { requestDrainTimeoutMs } = checkOptions(schema, options)
  const { sser, fetch, port, hostname, internalPort = sser.internalPort } = options
  const server = serverSideOf(sser)
  const bound: Listener[] = []
  let open: Listener | undefined
  let certificates: PeerCertificates | undefined
  let stopping: Promise<void> | undefined
  /** In flight requests come before the peers: what they send is still to be handed over. */
  const closePublic = async () => {
    const closing = open?.close(requestDrainTimeoutMs)
    open = undefined
    await closing
  }
  const stop = () => {
    stopping ??= stopAll(sser, closePublic, bound).finally(() => {
      certificates?.stop()
      signals.release()
    })
    return stopping
  }
  // From the first moment: the first process of a container is deaf to a signal that it does not listen to.
  const signals = StopSignals.listen(runtime.process, stop, { exits: runtime.exitsOnSignal })
  runtime.onBegin?.(() => {
    signals.ignore()
    bound.length = 0
    open = undefined
    void stop()
  })
  try {
    const { internalHostname = hostname, internalTls, opsPort } = options
    const app = new Hono().route('/', sser.internalRoutes)
    if (opsPort === undefined) app.route('/', sser.opsRoutes)
    certificates = internalTls && (await PeerCertificates.read(internalTls, runtime.certificateReader))
    const internal = await naming(
      'internalPort',
      runtime.bindInternal(forInternalPort(app.fetch), internalPort, internalHostname, certificates?.current),
    )
    if (certificates !== undefined) certificates.onRenewed = (renewed) => internal.renew?.(renewed)
    bound.push(internal)
    let ops = internal
    if (opsPort !== undefined) {
      ops = await naming(
        'opsPort',
        runtime.bindInternal(forInternalPort(sser.opsRoutes.fetch), opsPort, internalHostname),
      )
      bound.push(ops)
    }
    const start = {
      internalPort: internal.port,
      isSecured: certificates !== undefined,
      isLoopback: isLoopback(internalHostname),
      certificates,
      transport: runtime.transport?.(certificates && (() => (certificates as PeerCertificates).current)),
      hmacFactory: runtime.hmacFactory,
    }
    await (server === undefined ? sser.start() : server.start(start))
    const isDraining = () => sser.state === 'draining' || sser.state === 'stopped'
    const recorded = server?.arrivals.recording(fetch) ?? fetch
    const clients = await naming('port', runtime.bindPublic(recorded, port, hostname, isDraining))
    open = clients
    if (stopping !== undefined) throw new SserError('stopped', 'The Pod was told to stop while it started')
    return {
      port: clients.port,
      internalPort: internal.port,
      opsPort: ops.port,
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    // They may have been bound after the stop had closed the others.
    await closePublic()
    await closeAll(bound)
    throw error
  }
}

/** Names the option whose port could not be bound. */
async function naming<T>(option: string, binding: Promise<T>): Promise<T> {
  try {
    return await binding
  } catch (error) {
    if (!(error instanceof SserError && error.code === 'port-in-use')) throw error
    throw new SserError('port-in-use', `Option "${option}": ${error.message}`, { cause: error.cause })
  }
}

/** Returns the error of binding `port`: `port-in-use` where it is in use, with `fix` as the change to make. */
export function bindError(port: number, hostname: string | undefined, cause: unknown, fix = ''): unknown {
  if ((cause as { code?: unknown }).code !== 'EADDRINUSE') return cause
  return new SserError('port-in-use', `Port ${port} is in use on ${hostname ?? 'all addresses'}${fix}`, {
    cause,
  })
}

async function stopAll(sser: Sser, closePublic: () => Promise<void>, bound: Listener[]): Promise<void> {
  await sser.stop({ beforeFlush: closePublic })
  // The app may have stopped the instance itself.
  await closePublic()
  await closeAll(bound)
}

/** Each of them once; the one that was bound first, for peers, goes last: until then they are told that it stops. */
async function closeAll(bound: Listener[]): Promise<void> {
  for (const each of bound.splice(0).reverse()) await each.close(INTERNAL_CLOSE_MS)
}
