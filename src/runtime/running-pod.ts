import { Hono } from 'hono'
import * as v from 'valibot'
import { systemClock, withTimeout } from '../clock.ts'
import { SserError, stopped } from '../errors.ts'
import type { FetchHandler } from '../http/fetch-handler.ts'
import { type Sser, serverSideOf } from '../sser.ts'
import { type CertificateReader, PeerCertificates, type PeerTls } from '../transport/certificates.ts'
import type { PeerTransports } from '../transport/peer-transport.ts'
import type { HmacFactory } from '../transport/signatures.ts'
import { checkOptions, hasMethods } from '../validation.ts'
import { forInternalPort, internalAddress } from './internal-port.ts'
import { type JoinOptions, joinEntries, REQUEST_DRAIN_TIMEOUT_MS, SSER_OPTIONS } from './join-options.ts'
import { listenLine } from './listen-line.ts'
import { closeAll, IDLE_GRACE_MS, type Listener, naming, type PublicServer } from './listener.ts'
import { type SignalSource, StopSignals } from './signals.ts'

/** A Pod that has joined the fleet: its ports, and how to stop it. */
export interface RunningPod {
  /** The internal port that was bound. */
  readonly internalPort: number
  /** The port for operations that was bound: the internal one, unless it has its own. */
  readonly opsPort: number
  /**
   * Ends the event streams, closes the public port, leaves the fleet, and frees the ports; resolves when all of it is done.
   * See `Sser.stop()`.
   */
  stop(): Promise<void>
  /** Calls `stop()`: `await using pod = await join(…)`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Binds a port for peers. Go Pods keep their connections for ever, and lose the message that meets a closing one. */
export type BindInternal = (fetch: FetchHandler, options: BindInternalOptions) => Promise<Listener>

/** Options of {@link BindInternal}. */
interface BindInternalOptions {
  port: number
  hostname: string | undefined
  tls?: PeerTls | undefined
  /** Ends the wait of a worker for its port. */
  signal: AbortSignal
}

/** Functions that a runtime provides to {@link runPod}. */
export interface Runtime {
  /** How requests reach peers, where it has something leaner than `fetch`, or where they need certificates. */
  transports?: ((tls: (() => PeerTls) | undefined) => PeerTransports | undefined) | undefined
  /** How certificates are read. */
  certificateReader: CertificateReader
  /** How messages between Pods are signed. */
  hmacFactory: HmacFactory
  bindInternal: BindInternal
  process: SignalSource
  /** True if the process continues after a stop, so that it must exit after a signal. Default: false. */
  exitsOnSignal?: boolean | undefined
  /**
   * Called before any port is bound. `retire` makes the instance leave and its clients reconnect, and releases the
   * ports and signals for a server that replaces this one in the same process.
   */
  onBegin?: ((retire: () => void) => void) | undefined
}

/** The public side of a Pod. */
export interface PublicSide {
  /** Address of the public port; undefined for all addresses. */
  hostname?: string | undefined
  /** The app's own server, which is closed as a server of `serve()` is. */
  server?: PublicServer | undefined
  /** Binds the public port, once the Pod is one of the fleet. */
  bind?: (() => Promise<Listener>) | undefined
}

/** Returns whether the Pod drains: its responses close their connections, so that clients come back to another Pod. */
export function isDraining({ state }: Sser): boolean {
  return state === 'draining' || state === 'stopped'
}

/** Internal port, fleet, public port, in that order; signals stop it at any time. The options are checked. */
export async function runPod(
  runtime: Runtime,
  options: JoinOptions,
  publicSide: PublicSide,
): Promise<RunningPod> {
  const { sser, requestDrainTimeoutMs = REQUEST_DRAIN_TIMEOUT_MS } = options
  const { internalPort } = sser
  const { beforeFlush, internalTls, opsPort } = options
  const server = serverSideOf(sser)
  const opsHostname = options.internalHostname ?? publicSide.hostname
  const internalHostname =
    server === undefined
      ? opsHostname
      : internalAddress({ ...options, hostname: publicSide.hostname, internalPort }, server)
  const hostnameOption = options.internalHostname === undefined ? 'hostname' : 'internalHostname'
  const bound: Listener[] = []
  let open = publicSide.server
  let hook = beforeFlush
  let certificates: PeerCertificates | undefined
  let stopping: Promise<void> | undefined
  /** Until when idle connections of proxies are served. Not after SIGINT, because a developer waits then. */
  let idleUntil = Number.NEGATIVE_INFINITY
  const abort = new AbortController()
  /** Requests in flight end before the handover, because the peers must get the events that they send. */
  const closePublic = async () => {
    const deadline = systemClock.now() + requestDrainTimeoutMs
    const idleMs = Math.max(0, Math.min(idleUntil - systemClock.now(), requestDrainTimeoutMs))
    const [closing, ending] = [open?.close(requestDrainTimeoutMs, idleMs), hook]
    open = hook = undefined
    await closing
    if (ending === undefined) return
    // An app that never closes must not keep events from the peers.
    const leftMs = Math.max(0, deadline - systemClock.now())
    const late = () => new Error('it did not resolve within requestDrainTimeoutMs')
    await withTimeout(systemClock, leftMs, ending, late)
  }
  const leave = (signal?: string) => {
    abort.abort(stopped())
    if (signal === 'SIGTERM') idleUntil = systemClock.now() + IDLE_GRACE_MS
    const stopOptions = { beforeFlush: closePublic }
    const left = () =>
      server === undefined
        ? sser.stop(stopOptions)
        : server.stop(stopOptions, { signal, requestDrainTimeoutMs })
    stopping ??= stopAll(left, closePublic, bound).finally(() => {
      certificates?.stop()
      signals?.release()
    })
    return stopping
  }
  const stop = () => leave()
  // From the first moment: the first process of a container is deaf to a signal that it does not listen to.
  const signals =
    options.signals === false
      ? undefined
      : StopSignals.listen(runtime.process, leave, { exits: runtime.exitsOnSignal })
  runtime.onBegin?.(() => {
    signals?.ignore()
    bound.length = 0
    open = hook = undefined
    void stop()
  })
  try {
    const app = new Hono().route('/', sser.internalRoutes)
    if (opsPort === undefined) app.route('/', sser.opsRoutes)
    certificates = internalTls && (await PeerCertificates.read(internalTls, runtime.certificateReader))
    const internal = await naming(
      { port: 'internalPort', hostname: hostnameOption },
      runtime.bindInternal(forInternalPort(app.fetch), {
        port: internalPort,
        hostname: internalHostname,
        tls: certificates?.current,
        signal: abort.signal,
      }),
    )
    certificates?.onRenewed((renewed) => internal.renew?.(renewed))
    bound.push(internal)
    let ops = internal
    if (opsPort !== undefined) {
      ops = await naming(
        { port: 'opsPort', hostname: hostnameOption },
        runtime.bindInternal(forInternalPort(sser.opsRoutes.fetch), {
          port: opsPort,
          hostname: opsHostname,
          signal: abort.signal,
        }),
      )
      bound.push(ops)
    }
    const start = {
      internalPort: internal.port,
      internalHostname,
      certificates,
      transports: runtime.transports?.(certificates && (() => (certificates as PeerCertificates).current)),
      hmacFactory: runtime.hmacFactory,
    }
    await (server === undefined ? sser.start() : server.start(start))
    const clients = await publicSide.bind?.()
    open = clients ?? open
    if (stopping !== undefined) throw new SserError('stopped', 'The Pod was told to stop while it started')
    server?.notice(
      listenLine({
        public: clients && { port: clients.port, hostname: publicSide.hostname },
        internal: { port: internal.port, hostname: internalHostname },
        ops: opsPort === undefined ? undefined : { port: ops.port, hostname: opsHostname },
        isSigned: server.isSigned,
        isTls: certificates !== undefined,
      }),
    )
    return { internalPort: internal.port, opsPort: ops.port, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    // The app's own server is not closed because of an error of its Pod.
    if (stopping === undefined) open = hook = undefined
    await stop()
    // They may have been bound after the stop had closed the others.
    await closePublic()
    await closeAll(bound)
    throw error
  }
}

async function stopAll(
  left: () => Promise<void>,
  closePublic: () => Promise<void>,
  bound: Listener[],
): Promise<void> {
  await left()
  // The app may have stopped the instance itself.
  await closePublic()
  await closeAll(bound)
}

/** How a runtime closes a server that belongs to the app. */
interface Adoption<Server> {
  /** Methods of such a server, and the words for it in an error. */
  methods: readonly string[]
  expected: string
  adopt(server: Server): PublicServer
}

/** `join()` on any runtime. */
export async function joinFleet<Server>(
  runtime: Runtime,
  options: JoinOptions & { server?: Server | undefined },
  { methods, expected, adopt }: Adoption<Server>,
): Promise<RunningPod> {
  const isServer = v.custom<Server>((value) => hasMethods(value, methods), expected)
  checkOptions(v.strictObject({ ...joinEntries, server: v.optional(isServer) }), options, SSER_OPTIONS)
  const { server } = options
  return runPod(runtime, options, { server: server && adopt(server) })
}
