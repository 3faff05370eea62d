import { keepAlive } from '../clock.ts'
import { describe, stopped } from '../errors.ts'
import { isUnguarded } from '../options.ts'
import type { V1Connections } from '../replication/legacy-v1/receiver.ts'
import type { PeerCertificates } from '../transport/certificates.ts'
import type { SharedParts } from './incarnation.ts'
import {
  logReady,
  logStart,
  namePeers,
  type ServerStop,
  stopLine,
  warnOpenRoutes,
} from './lifecycle-lines.ts'
import type { Membership, ServerStart, StartOptions, StopOptions } from './membership.ts'
import type { RunCalls } from './run-calls.ts'
import type { Sender } from './sender.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface LifecycleOptions extends SharedParts {
  membership: Membership
  v1Connections: V1Connections
  sender: Sender
  subscriptions: Subscriptions
  runs: RunCalls
  /** Aborts when the instance has stopped. */
  abort: AbortController
}

/**
 * State of an instance, from its construction to its end. `idle`: it was not started. `finding-peers`: the peer finder has no
 * first list of peers yet. `fetching-log`: a peer sends its log. `ready`: clients can connect. `draining`: the Pod stops and its
 * connections end, and `send()` still works. `stopped`: `send()` rejects.
 */
export type SserState = 'idle' | 'finding-peers' | 'fetching-log' | 'ready' | 'draining' | 'stopped'

/** The start and the stop of an instance, each once. */
export class Lifecycle {
  readonly #options: LifecycleOptions
  #certificates: PeerCertificates | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isDraining = false
  /** True if the first request on the internal routes is worth a warning, because the app serves them without a secret. */
  #isOpen = false

  constructor(options: LifecycleOptions) {
    this.#options = options
  }

  /** Certificates of the internal port. */
  get certificates(): PeerCertificates | undefined {
    return this.#certificates
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** True if a start or a stop has begun. */
  get isStarted(): boolean {
    return this.#starting !== undefined || this.#stopping !== undefined
  }

  /** True if a stop has begun. */
  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  get state(): SserState {
    const { abort, membership } = this.#options
    if (abort.signal.aborted) return 'stopped'
    if (this.#isDraining) return 'draining'
    if (membership.incarnation.mesh.isReady) return 'ready'
    if (membership.joining !== undefined) return 'fetching-log'
    return this.#starting === undefined ? 'idle' : 'finding-peers'
  }

  /** Starts the instance, or returns the promise of the start that has begun. */
  start(options: StartOptions, server: ServerStart): Promise<void> {
    this.#starting ??= keepAlive(this.#options.clock, this.#start(options, server)).catch(
      (error: unknown) => {
        this.#starting = undefined
        throw error
      },
    )
    return this.#starting
  }

  /** Stops the instance, or returns the promise of the stop that has begun. */
  stop({ beforeFlush }: StopOptions, how: ServerStop): Promise<void> {
    this.#stopping ??= keepAlive(this.#options.clock, this.#shutDown(beforeFlush, how))
    return this.#stopping
  }

  /** Ends the instance without a drain and without a handover. */
  kill(): void {
    const { sender, abort, subscriptions, membership } = this.#options
    sender.close()
    abort.abort(stopped())
    subscriptions.stop()
    membership.incarnation.stop()
  }

  /** A peer, or another client, has sent a request to the internal routes. */
  onInternalRequest(): void {
    if (this.#isOpen) warnOpenRoutes(this.#options.logging)
    this.#isOpen = false
  }

  async #start({ signal }: StartOptions, options: ServerStart): Promise<void> {
    const { abort, logging, settings, membership } = this.#options
    abort.signal.throwIfAborted()
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => void this.stop({}, {}), { once: true })
    this.#certificates = options.certificates
    const warn = (message: string) => logging.warnOncePerMinute('certificate', message)
    if (this.#certificates !== undefined) this.#certificates.onWarning = warn
    logStart(logging, settings, options)
    this.#isOpen = options.internalPort === undefined && isUnguarded(settings)
    await membership.start(options)
    logReady(logging, settings, membership.incarnation.mesh)
  }

  async #shutDown(beforeFlush: StopOptions['beforeFlush'], how: ServerStop): Promise<void> {
    this.#isDraining = true
    await shutDown({ ...how, ...this.#options, beforeFlush })
    this.kill()
  }
}

interface ShutDownOptions extends ServerStop, Pick<SharedParts, 'settings' | 'logging'> {
  membership: Membership
  v1Connections: V1Connections
  sender: Sender
  subscriptions: Subscriptions
  runs: RunCalls
  beforeFlush: StopOptions['beforeFlush']
}

/** Closes connections first, so that their clients resume on other Pods; later events are handed over as well. */
async function shutDown(options: ShutDownOptions): Promise<void> {
  const { settings, membership, v1Connections, logging, sender, subscriptions, runs, beforeFlush } = options
  const { drainTimeoutMs, flushTimeoutMs } = settings
  const { hub, mesh, runMesh } = membership.incarnation
  const waits = { connections: hub.size, peers: mesh.flush.peers, drainTimeoutMs, flushTimeoutMs }
  const line = stopLine({ ...options, ...waits })
  if (options.signal === undefined) logging.info(line)
  else logging.notice(line)
  runMesh.leave()
  const runsMs = settings.runs.drainTimeoutMs ?? drainTimeoutMs
  await Promise.all([hub.drain(drainTimeoutMs, runsMs), runs.drain(runsMs)])
  // Before the requests in flight, because responses of the app that a subscription feeds are some of them.
  subscriptions.stop()
  await callBeforeFlush(beforeFlush, logging)
  sender.close()
  const onWait = (peers: string[]) =>
    logging.notice(
      `waits for peers that lack events, within ${flushTimeoutMs} ms (flushTimeoutMs): ${namePeers(peers)}`,
    )
  const [lacking] = await Promise.all([
    membership.incarnation.mesh.flush.run(flushTimeoutMs, onWait),
    v1Connections.closed(),
    membership.incarnation.runMesh.handover.run(flushTimeoutMs),
  ])
  if (lacking.length === 0) logging.info('has stopped')
  else logging.warn(`has stopped, and peers may lack events of this Pod: ${namePeers(lacking)}`)
}

/** Calls `beforeFlush` of `stop()`. An error of it does not end the stop. */
async function callBeforeFlush(
  beforeFlush: StopOptions['beforeFlush'],
  logging: SharedParts['logging'],
): Promise<void> {
  try {
    await beforeFlush?.()
  } catch (error) {
    logging.warn(`beforeFlush failed, and the stop goes on: ${describe(error)}`)
  }
}
