import type { Hono } from 'hono'
import { Arrivals } from './admission/arrivals.ts'
import type { Endpoint, EndpointOptions, EventsHandler } from './admission/events-endpoint.ts'
import type { RunResponseOptions } from './admission/run-responses.ts'
import type { Clock } from './clock.ts'
import type { PeerFinder } from './discovery/peer-finder.ts'
import { StaticPeerFinder } from './discovery/static.ts'
import { checkStartOptions, checkStatsOptions, checkStopOptions } from './instance/call-arguments.ts'
import type { SharedParts } from './instance/incarnation.ts'
import { Lifecycle, type SserState } from './instance/lifecycle.ts'
import { Membership, type StartOptions, type StopOptions } from './instance/membership.ts'
import {
  type CancelReceipt,
  type ReadRunOptions,
  RunCalls,
  type RunStatus,
  type StartRunOptions,
} from './instance/run-calls.ts'
import { Sender, type SendOptions } from './instance/sender.ts'
import { type SubscribeOptions, type Subscription, Subscriptions } from './instance/subscriptions.ts'
import { type StreamOptions, TypedStream } from './instance/typed-stream.ts'
import { type Internals, resolveSettings, type Settings } from './internals.ts'
import type { ConnectionSelector } from './log/entry.ts'
import { readStats, type Stats, type StatsOptions } from './ops/stats.ts'
import { isUnguarded, type SserOptions } from './options.ts'
import { V1Connections } from './replication/legacy-v1/receiver.ts'
import type { PeerStatus } from './replication/peer-status.ts'
import type { DisconnectReceipt, Receipt } from './replication/receipt.ts'
import { PublicRoutes, privateRoutes } from './routes.ts'
import type { Run } from './runs/run.ts'
import type { RunSubscription } from './runs/run-subscription.ts'
import type { ServerSide } from './server-side.ts'
import { Counters } from './telemetry/counters.ts'
import { ErrorReporter, RecentErrors } from './telemetry/error-reporter.ts'
import { Logging } from './telemetry/logging.ts'
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
        start: (options) => sser.#lifecycle.start({}, options),
        stop: (options, how) => sser.#lifecycle.stop(options, how),
        accept: (exchange) => sser.#membership.accept(exchange),
        kill: () => sser.#lifecycle.kill(),
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
  readonly #bornAt: number
  readonly #lifecycle: Lifecycle
  readonly #membership: Membership
  readonly #arrivals: Arrivals
  readonly #sender: Sender
  readonly #publicRoutes: PublicRoutes
  readonly #subscriptions: Subscriptions
  readonly #runs: RunCalls

  /** @throws SserError `invalid-options`: the message names the option, the received and the expected value. */
  constructor(options?: SserOptions)
  /** @internal */
  constructor(options: SserOptions, internals: Partial<Internals>)
  constructor(options: SserOptions = {}, internals: Partial<Internals> = {}) {
    this.#settings = resolveSettings(requireOptions('new Sser()', options), internals)
    this.#peerFinder = this.#settings.peerFinder ?? new StaticPeerFinder([])
    this.#clock = this.#settings.clock
    const v1Connections = new V1Connections(this.#clock)
    const abort = new AbortController()
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
      signal: abort.signal,
    })
    this.#runs = new RunCalls({
      ...shared,
      membership: this.#membership,
      subscriptions: this.#subscriptions,
    })
    this.#arrivals = new Arrivals(() => this.#membership.mark())
    this.#sender = new Sender({ ...shared, membership: this.#membership })
    this.#lifecycle = new Lifecycle({
      ...shared,
      membership: this.#membership,
      v1Connections,
      sender: this.#sender,
      subscriptions: this.#subscriptions,
      runs: this.#runs,
      abort,
    })
    this.#publicRoutes = new PublicRoutes({
      ...shared,
      membership: this.#membership,
      arrivals: this.#arrivals,
      isReady: () => this.isReady,
      isDraining: () => this.#lifecycle.isDraining,
      isStarted: () => this.#lifecycle.isStarted,
      send: (stream, msg, options) => this.send(stream, msg, options),
    })
    this.handler = this.#publicRoutes.events.handler
    this.routes = this.#publicRoutes.events.routes
    const { internalRoutes, probeRoutes, opsRoutes } = privateRoutes({
      ...shared,
      membership: this.#membership,
      recentErrors,
      signatures,
      v1Connections,
      exchangeCounts: shared.counters.exchanges,
      state: () => this.state,
      isStopping: () => this.#lifecycle.isStopping,
      onInternalRequest: () => this.#lifecycle.onInternalRequest(),
      stats: (options) => this.stats(options),
      certificateWarning: () => this.#lifecycle.certificates?.warning(),
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
    return this.#lifecycle.state
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
      certificates: this.#lifecycle.certificates,
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
    return fault === undefined ? this.#lifecycle.start(options, {}) : Promise.reject(fault)
  }

  /**
   * Ends the connections one after another over `drainTimeoutMs`, waits for `beforeFlush`, hands missing events over to
   * the peers for up to `flushTimeoutMs`, and leaves. `send()` works until it hands over. A stopped instance stays
   * stopped; called again, it returns the first call's promise.
   * @throws SserError `invalid-argument`
   */
  stop(options: StopOptions = {}): Promise<void> {
    const fault = checkStopOptions(options)
    return fault === undefined ? this.#lifecycle.stop(options, {}) : Promise.reject(fault)
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

  /**
   * Starts a run: generated output, the steps of a job, or another stream with a beginning and an end. This Pod is its only
   * writer; clients read it on any Pod, from its start, also after its end. With `from`, the run is written and ended by
   * itself, and goes on when the request that has started it goes away.
   * @throws SserError `not-started`, `stopped`, `stream-name-required`, `invalid-stream-name`, `invalid-argument`, `run-exists`
   * or `too-many-runs`; the signal's reason when it aborts.
   */
  startRun(name: string, options: StartRunOptions = {}): Promise<Run> {
    return this.#runs.start(name, options)
  }

  /**
   * Reads a run in this process, from its start or after a chunk, then live, then its end: `for await (const item of
   * sser.readRun(name))`. It counts as a subscription. The loop rejects with `run-not-found` where no Pod knows the run within
   * 2 s.
   * @throws SserError `stream-name-required`, `invalid-stream-name`, `invalid-argument`, `too-many-subscriptions` or `stopped`
   */
  readRun(name: string, options: ReadRunOptions = {}): RunSubscription {
    return this.#runs.read(name, options)
  }

  /**
   * The text of a run, from its start, then live: for `new Response()` and for libraries that take a stream. It closes when the
   * run has ended or was cancelled, and errors with `run-failed` or `run-incomplete` otherwise.
   * @throws as {@link readRun}
   */
  runStream(name: string, options: ReadRunOptions = {}): ReadableStream<string> {
    return this.#runs.text(name, options)
  }

  /**
   * Answers a request with a run: from its start or after its client's `Last-Event-ID`, then live, then its end. For a route of
   * the app, which decides before the call who may read the run: the option `authorize` is not called. A client that has the
   * whole run is answered 204; a name that no Pod knows within 2 s is answered 404.
   * @throws SserError `stream-name-required`, `invalid-stream-name` or `invalid-argument`
   */
  runResponse(name: string, request: Request, options: RunResponseOptions = {}): Promise<Response> {
    return this.#publicRoutes.runs.respond(name, request, options)
  }

  /**
   * Stops a run, on whichever Pod it is written: its `run.signal` aborts. The receipt says whether the producer has heard it.
   * @throws SserError `not-started`, `stopped`, `stream-name-required`, `invalid-stream-name`, `invalid-argument` or
   * `run-not-found`; the signal's reason when it aborts.
   */
  cancelRun(name: string, options: { signal?: AbortSignal | undefined } = {}): Promise<CancelReceipt> {
    return this.#runs.cancel(name, options)
  }

  /**
   * The state of a run; undefined: no Pod that can be reached knows it.
   * @throws SserError `not-started`, `stopped`, `stream-name-required` or `invalid-stream-name`
   */
  run(name: string): Promise<RunStatus | undefined> {
    return this.#runs.status(name)
  }
}
