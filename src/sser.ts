import type { Hono } from 'hono'
import { Arrivals } from './admission/arrivals.ts'
import type { Endpoint, EndpointOptions, EventsHandler } from './admission/events-endpoint.ts'
import { type Clock, keepAlive } from './clock.ts'
import type { PeerFinder } from './discovery/peer-finder.ts'
import { StaticPeerFinder } from './discovery/static.ts'
import { stopped } from './errors.ts'
import { checkStartOptions, checkStatsOptions, checkStopOptions } from './instance/call-arguments.ts'
import { logReady, logStart, type ServerStop, warnOpenRoutes } from './instance/lifecycle-lines.ts'
import { Membership, type ServerStart, type StartOptions, type StopOptions } from './instance/membership.ts'
import { Sender, type SendOptions } from './instance/sender.ts'
import type { SharedParts } from './instance/shared-parts.ts'
import { shutDown } from './instance/shut-down.ts'
import { type SubscribeOptions, type Subscription, Subscriptions } from './instance/subscriptions.ts'
import { type StreamOptions, TypedStream } from './instance/typed-stream.ts'
import { type Internals, resolveSettings, type Settings } from './internals.ts'
import type { ConnectionSelector } from './log/entry.ts'
import type { SserState } from './ops/probes.ts'
import { readStats, type Stats, type StatsOptions } from './ops/stats.ts'
import { isUnguarded, type SserOptions } from './options.ts'
import { privateRoutes } from './private-routes.ts'
import { PublicRoutes } from './public-routes.ts'
import { V1Connections } from './replication/legacy-v1/receiver.ts'
import type { PeerStatus } from './replication/peer-status.ts'
import type { DisconnectReceipt, Receipt } from './replication/receipt.ts'
import type { ServerSide } from './server-side.ts'
import { Counters } from './telemetry/counters.ts'
import { ErrorReporter, RecentErrors } from './telemetry/error-reporter.ts'
import { Logging } from './telemetry/logging.ts'
import type { PeerCertificates } from './transport/certificates.ts'
import { Signatures } from './transport/signatures.ts'
import { requireOptions } from './validation.ts'

/** Undefined for an instance of another copy of the package, because this copy cannot read its private fields. */
export let serverSideOf: (sser: Sser) => ServerSide | undefined

/** Server-Sent Events across the Pods of one workload: an event that any Pod sends reaches the clients of all Pods. */
export class Sser {
  static {
    serverSideOf = (sser) => {
      if (!(#arrivals in sser)) return undefined
      return {
        arrivals: sser.#arrivals,
        isUnguarded: isUnguarded(sser.#settings),
        isLocal: sser.#peerFinder.isLocal === true,
        isSigned: sser.#settings.peerSecret !== undefined,
        notice: (message) => sser.#logging.notice(message),
        start: (options) => sser.#startOnce({}, options),
        stop: (options, how) => sser.#stopOnce(options, how),
        accept: (exchange) => sser.#membership.accept(exchange),
        kill: () => sser.#kill(),
      }
    }
  }

  /** Public routes for clients, to be mounted in the app: `app.route('/events', sser.routes)`. */
  readonly routes: Hono
  /** Routes for peers, which `serve()` and `join()` bind to the internal port. Only peers should reach them. */
  readonly internalRoutes: Hono
  /** `/livez` and `/readyz`: for load balancers that probe the Pods, on the public port as well. */
  readonly probeRoutes: Hono
  /**
   * The probes, `/metrics` for Prometheus, and the page `/debug/sser`. `serve()` and `join()` bind them to the internal
   * port, or to `opsPort`; they name streams and peers, so keep them off the public port.
   */
  readonly opsRoutes: Hono
  /** The public endpoint for any other router: takes a `Request`, and returns a streaming `Response`. */
  readonly handler: EventsHandler
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #shared: SharedParts
  readonly #logging: Logging
  readonly #peerFinder: PeerFinder
  readonly #v1Connections: V1Connections
  readonly #bornAt: number
  #certificates: PeerCertificates | undefined
  readonly #abort = new AbortController()
  readonly #membership: Membership
  readonly #arrivals: Arrivals
  readonly #sender: Sender
  readonly #publicRoutes: PublicRoutes
  readonly #subscriptions: Subscriptions
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isDraining = false
  /** Whether the first request on the internal routes is to be warned of, because the app serves them without a secret. */
  #isOpen = false

  /** @throws SserError `invalid-options`: the message names the option, the received and the expected value. */
  constructor(options?: SserOptions)
  /** @internal */
  constructor(options: SserOptions, internals: Partial<Internals>)
  constructor(options: SserOptions = {}, internals: Partial<Internals> = {}) {
    this.#settings = resolveSettings(requireOptions('new Sser()', options), internals)
    this.#peerFinder = this.#settings.peerFinder ?? new StaticPeerFinder([])
    this.#clock = this.#settings.clock
    this.#v1Connections = new V1Connections(this.#clock)
    this.#bornAt = this.#clock.now()
    const recentErrors = new RecentErrors(this.#clock)
    this.#logging = new Logging(this.#settings.logger, this.#clock)
    const errors = new ErrorReporter(recentErrors.before(this.#settings.onError), this.#logging)
    const { peerSecret } = this.#settings
    const signatures = peerSecret === undefined ? undefined : new Signatures([peerSecret].flat(), this.#clock)
    const counters = new Counters()
    const shared = { settings: this.#settings, clock: this.#clock, logging: this.#logging, errors, counters }
    this.#shared = shared
    this.#subscriptions = new Subscriptions({ ...shared, incarnation: () => this.#membership.current() })
    this.#membership = new Membership({
      ...shared,
      signatures,
      peerFinder: this.#peerFinder,
      subscriptions: this.#subscriptions,
      signal: this.#abort.signal,
    })
    this.#arrivals = new Arrivals(() => this.#membership.mark())
    this.#sender = new Sender({ ...shared, membership: this.#membership })
    this.#publicRoutes = new PublicRoutes({
      ...shared,
      membership: this.#membership,
      arrivals: this.#arrivals,
      isReady: () => this.isReady,
      isDraining: () => this.#isDraining,
      isStarted: () => this.#starting !== undefined || this.#stopping !== undefined,
      send: (stream, msg, options) => this.send(stream, msg, options),
    })
    this.handler = this.#publicRoutes.events.handler
    this.routes = this.#publicRoutes.events.routes
    const { internalRoutes, probeRoutes, opsRoutes } = privateRoutes({
      ...shared,
      membership: this.#membership,
      recentErrors,
      signatures,
      v1Connections: this.#v1Connections,
      exchangeCounts: shared.counters.exchanges,
      state: () => this.state,
      isStopping: () => this.#stopping !== undefined,
      onInternalRequest: () => this.#onInternalRequest(),
      stats: (options) => this.stats(options),
      certificateWarning: () => this.#certificates?.warning(),
    })
    this.internalRoutes = internalRoutes
    this.probeRoutes = probeRoutes
    this.opsRoutes = opsRoutes
  }

  /**
   * Routes for programs that are no Pods and send events, to be mounted behind `publishToken` or middleware of the app:
   * `app.route('/publish', sser.publishRoutes)`. `POST /?stream=NAME` sends its body, `POST /` events in JSON or NDJSON.
   * @throws SserError `open-publish-routes`: the option `publishToken` is missing.
   */
  get publishRoutes(): Hono {
    return this.#publicRoutes.publish
  }

  /** Port on which Pods send events to each other: the option `internalPort`. */
  get internalPort(): number {
    return this.#settings.internalPort
  }

  /** Number of open connections on this Pod. */
  get connections(): number {
    return this.#membership.incarnation.hub.size
  }

  /** Every peer, with the state of the link to it. */
  get peers(): PeerStatus[] {
    return this.#membership.incarnation.mesh.peers()
  }

  /**
   * This Pod's position in the log, as an event id. A page that is rendered with it connects with `?lastEventId=` and
   * misses nothing. Undefined with `resume: false`, because no connection can resume then, and while the Pod knows no entry,
   * as before `start()`.
   */
  get position(): string | undefined {
    if (!this.#settings.resume) return undefined
    const { log } = this.#membership.incarnation
    const position = log.position(this.#clock.now())
    return position.size === 0 ? undefined : log.eventIds.format(position)
  }

  /** State of this instance, from its construction to its end. */
  get state(): SserState {
    if (this.#abort.signal.aborted) return 'stopped'
    if (this.#isDraining) return 'draining'
    if (this.#membership.incarnation.mesh.isReady) return 'ready'
    if (this.#membership.joining !== undefined) return 'fetching-log'
    return this.#starting === undefined ? 'idle' : 'finding-peers'
  }

  /**
   * True if clients can connect: the peers are known, the initial sync is complete, and the instance is not stopping.
   */
  get isReady(): boolean {
    return this.state === 'ready'
  }

  /** State and counters of this Pod, for dashboards, alerts and tests. Cheap enough for every scrape. */
  stats(options: StatsOptions = {}): Stats {
    const fault = checkStatsOptions(options)
    if (fault !== undefined) throw fault
    const own = { state: this.state, position: this.position, uptimeMs: this.#clock.now() - this.#bornAt }
    const sources = {
      ...this.#shared,
      incarnation: this.#membership.incarnation,
      peerFinder: this.#peerFinder,
      certificates: this.#certificates,
      subscriptions: this.#subscriptions,
    }
    return readStats(sources, own, options)
  }

  /**
   * A further public endpoint, for clients that need another dialect than those of `routes` and `handler`. Call it once, and
   * mount its `routes`, or call its `handler`.
   * @throws SserError `invalid-argument`
   */
  endpoint(options: EndpointOptions): Endpoint {
    return this.#publicRoutes.endpoint(options)
  }

  /**
   * Finds the peers, fetches the log from one of them, and joins. Called again, it returns the first call's
   * promise, unless that failed.
   * @throws the error of the peer finder's first list; SserError `invalid-argument`, `invalid-peer` or `stopped`; the
   * signal's reason when it aborts.
   */
  start(options: StartOptions = {}): Promise<void> {
    const fault = checkStartOptions(options)
    return fault === undefined ? this.#startOnce(options, {}) : Promise.reject(fault)
  }

  /**
   * Ends the connections one after another over `drainTimeoutMs`, waits for `beforeFlush`, hands missing events over to
   * the peers for up to `flushTimeoutMs`, and leaves. `send()` works until it hands over. A stopped instance stays
   * stopped; called again, it returns the first call's promise.
   * @throws SserError `invalid-argument`
   */
  stop(options: StopOptions = {}): Promise<void> {
    const fault = checkStopOptions(options)
    return fault === undefined ? this.#stopOnce(options, {}) : Promise.reject(fault)
  }

  /** Calls {@link stop}: `await using sser = new Sser()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /**
   * Sends `msg` to every client that listens on `stream`, on every Pod. Resolves with a receipt as soon as each
   * peer holds the event or is known to be out of reach, or after `ackTimeoutMs`. A peer that is down is no reason
   * to reject: it gets the event when it comes back within the log's bounds. A lone surrogate in the message becomes
   * U+FFFD, because UTF-8 cannot carry one: join the halves of a character before sending, as a model's tokens need.
   * @throws SserError `not-started`, `stopped`, `stream-name-required`, `invalid-stream-name`, `empty-message`,
   * `invalid-message`, `message-too-large`, `invalid-event-type` or `invalid-idempotency-key`; the signal's reason when it aborts.
   */
  send(stream: string, msg: string, options: SendOptions = {}): Promise<Receipt> {
    return this.#sender.send(stream, msg, options)
  }

  /**
   * Receives the events of one stream or several in this process, from any Pod: `for await (const item of subscription)`. It
   * begins at once, or when the instance is ready, and ends when the loop is left, the signal aborts, or the instance
   * stops. A gap says that it may have missed events, because its consumer was too slow, for example.
   * @throws SserError `stream-name-required`, `invalid-stream-name`, `too-many-streams-per-connection`, `invalid-event-id`,
   * `invalid-argument`, `too-many-subscriptions` or `stopped`.
   */
  subscribe(streams: string | readonly string[], options: SubscribeOptions = {}): Subscription {
    return this.#subscriptions.open(streams, options)
  }

  /**
   * The stream `name` with messages of one type: `send()` takes a value, `subscribe()` gives values. Types come from the
   * `schema`, or from the type parameter: `sser.stream<Order>('orders')`.
   * @throws SserError `stream-name-required`, `invalid-stream-name` or `invalid-argument`.
   */
  stream<Input = unknown, Output = Input>(
    name: string,
    options: StreamOptions<Input, Output> = {},
  ): TypedStream<Input, Output> {
    return new TypedStream(this, name, options)
  }

  /**
   * Ends the connections on `stream`, those with `tag`, or, where both are given, those for which both hold: on this
   * Pod at once, on the others as soon as they hear of it, and on one that is out of reach when it comes back within
   * the log's bounds. Requests whose `authorize` is pending are included. Clients reconnect, and are authorized again: first
   * make `authorize` deny them, then disconnect. Resolves like {@link send}.
   * @throws SserError `not-started`, `stopped`, `empty-selector`, `stream-name-required`, `invalid-stream-name` or
   * `invalid-tag`; the signal's reason when it aborts.
   */
  async disconnect(
    selector: ConnectionSelector,
    options: Pick<SendOptions, 'signal'> = {},
  ): Promise<DisconnectReceipt> {
    return this.#sender.disconnect(selector, options)
  }

  #startOnce(options: StartOptions, server: ServerStart): Promise<void> {
    this.#starting ??= keepAlive(this.#clock, this.#start(options, server)).catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  #stopOnce({ beforeFlush }: StopOptions, how: ServerStop): Promise<void> {
    this.#stopping ??= keepAlive(this.#clock, this.#shutDown(beforeFlush, how))
    return this.#stopping
  }

  async #start({ signal }: StartOptions, options: ServerStart): Promise<void> {
    this.#abort.signal.throwIfAborted()
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => void this.stop(), { once: true })
    this.#certificates = options.certificates
    const warn = (message: string) => this.#logging.warnOncePerMinute('certificate', message)
    if (this.#certificates !== undefined) this.#certificates.onWarning = warn
    logStart(this.#logging, this.#settings, options)
    this.#isOpen = options.internalPort === undefined && isUnguarded(this.#settings)
    await this.#membership.start(options)
    logReady(this.#logging, this.#settings, this.#membership.incarnation.mesh)
  }

  #onInternalRequest(): void {
    if (this.#isOpen) warnOpenRoutes(this.#logging)
    this.#isOpen = false
  }

  async #shutDown(beforeFlush: StopOptions['beforeFlush'], how: ServerStop): Promise<void> {
    this.#isDraining = true
    await shutDown({
      ...how,
      ...this.#shared,
      membership: this.#membership,
      v1Connections: this.#v1Connections,
      sender: this.#sender,
      subscriptions: this.#subscriptions,
      beforeFlush,
    })
    this.#kill()
  }

  #kill(): void {
    this.#sender.close()
    this.#abort.abort(stopped())
    this.#subscriptions.stop()
    this.#membership.incarnation.stop()
  }
}
