import { keepAlive } from './clock.ts'
import { stopped } from './errors.ts'
import { logReady, logStart, type ServerStop, warnOpenRoutes } from './instance/lifecycle-lines.ts'
import type { Membership, ServerStart, StartOptions, StopOptions } from './instance/membership.ts'
import type { RunCalls } from './instance/run-calls.ts'
import type { Sender } from './instance/sender.ts'
import type { SharedParts } from './instance/shared-parts.ts'
import { shutDown } from './instance/shut-down.ts'
import type { Subscriptions } from './instance/subscriptions.ts'
import type { SserState } from './ops/probes.ts'
import { isUnguarded } from './options.ts'
import type { V1Connections } from './replication/legacy-v1/receiver.ts'
import type { PeerCertificates } from './transport/certificates.ts'

export interface LifecycleOptions extends SharedParts {
  membership: Membership
  v1Connections: V1Connections
  sender: Sender
  subscriptions: Subscriptions
  runs: RunCalls
  /** Aborts when the instance has stopped. */
  abort: AbortController
}

/** The start and the stop of an instance, each once. */
export class Lifecycle {
  readonly #options: LifecycleOptions
  #certificates: PeerCertificates | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isDraining = false
  /** Whether the first request on the internal routes is to be warned of, because the app serves them without a secret. */
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
