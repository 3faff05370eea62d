import type { Hono } from 'hono'
import { type Clock, keepAlive, systemClock } from './clock.ts'
import { RecentFaults } from './core/recent-faults.ts'
import { Tally } from './core/tally.ts'
import { SserError } from './errors.ts'
import { Faults } from './faults.ts'
import type { PeerFinder } from './finders/finder.ts'
import { Membership, type StartOptions } from './membership.ts'
import type { PeerStatus } from './mesh/peer-status.ts'
import type { Receipt } from './mesh/receipt.ts'
import { type ResolvedSettings, resolveSettings, type Settings } from './options.ts'
import { eventsHandler, eventsRoutes, type Handler, type Opened } from './routes/events.ts'
import { internalRoutes } from './routes/internal.ts'
import { opsRoutes, type State } from './routes/ops.ts'
import { readStats, type Stats, type StatsOptions } from './stats.ts'
import { eventTypeFault, keyFault, messageFault, streamNameFault } from './wire/names.ts'
import { printPosition } from './wire/position.ts'
import type { V1Event } from './wire/v1.ts'

/** What an {@link Sser} is made of. */
export interface SserOptions extends Settings {
  /** Finds the other Pods. */
  peerFinder: PeerFinder
}

/** What `send()` may be given beside the message. */
export interface SendOptions {
  /** The SSE event type; without one, clients receive a `message`. Types that begin with `sser-` are reserved. */
  event?: string | undefined
  /**
   * Names this send: another with the same key, on any Pod that holds the first one, sends nothing, and its receipt
   * says `duplicate`. For retries; 1 to 256 characters, remembered as long as the log remembers the event.
   */
  key?: string | undefined
  /** Ends the wait for the receipt. An event that is on its way by then stays on its way. */
  signal?: AbortSignal | undefined
}

/** Server-Sent Events across the Pods of one workload: what is sent on any reaches the clients of all. */
export class Sser {
  /** The public sub-app, to be mounted where clients connect: `app.route('/events', sser.routes)`. */
  readonly routes: Hono
  /** What peers post to; the runtimes' `serve()` binds it to the internal port. Nobody else should reach it. */
  readonly internalRoutes: Hono
  /**
   * `/livez` and `/readyz` for probes, `/metrics` for Prometheus, `/debug/sser` for people. The runtimes' `serve()` binds
   * them to the internal port, too; they name streams and peers, so they are not for the public one.
   */
  readonly opsRoutes: Hono
  /** The public endpoint under any other router: given a `Request`, returns a streaming `Response`. */
  readonly handler: Handler
  readonly #settings: ResolvedSettings
  readonly #clock: Clock
  readonly #faults: Faults
  readonly #recentFaults: RecentFaults
  readonly #tally = new Tally()
  readonly #peerFinder: PeerFinder
  readonly #bornAt: number
  readonly #abort = new AbortController()
  readonly #membership: Membership
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isLeaving = false

  /** @throws SserError `invalid-options`, naming the option and what it wants. */
  constructor({ peerFinder, ...settings }: SserOptions) {
    if (typeof peerFinder?.start !== 'function') {
      throw new SserError(
        'invalid-options',
        'Option "peerFinder": expected a PeerFinder; to begin with, new LocalhostPeerFinder()',
      )
    }
    this.#settings = resolveSettings(settings)
    this.#clock = this.#settings.clock ?? systemClock
    this.#bornAt = this.#clock.now()
    this.#peerFinder = peerFinder
    this.#recentFaults = new RecentFaults(this.#clock)
    this.#faults = new Faults(this.#recentFaults.before(this.#settings.onError))
    this.#membership = new Membership({
      settings: this.#settings,
      peerFinder,
      clock: this.#clock,
      faults: this.#faults,
      tally: this.#tally,
      signal: this.#abort.signal,
    })
    const { maxStreamsPerConnection, retryMs, maxMessageBytes } = this.#settings
    this.handler = eventsHandler({
      faults: this.#faults,
      maxStreams: maxStreamsPerConnection,
      retryMs,
      open: (streams, lastEventId) => this.#open(streams, lastEventId),
    })
    this.routes = eventsRoutes(this.handler)
    this.internalRoutes = internalRoutes({
      faults: this.#faults,
      v1MaxBytes: 6 * maxMessageBytes + 4_096,
      isStopped: () => this.#abort.signal.aborted,
      isFor: (uid) => this.#membership.isFor(uid),
      receive: (message) => this.#membership.current().mesh.receive(message),
      receiveV1: (event) => this.#receiveV1(event),
    })
    this.opsRoutes = opsRoutes({
      state: () => this.state,
      stats: (options) => this.stats(options),
      recentFaults: () => this.#recentFaults.list(),
    })
  }

  /** The port on which Pods talk to each other, as the options say. */
  get internalPort(): number {
    return this.#settings.internalPort
  }

  /** Connections that are open on this Pod. */
  get connections(): number {
    return this.#membership.life.hub.size
  }

  /** Every peer, and how the link to it stands. */
  get peers(): PeerStatus[] {
    return this.#membership.life.mesh.peers()
  }

  /**
   * Where this Pod stands, as an id: a page that is rendered with it connects with `?lastEventId=`, and misses
   * nothing. Empty before the Pod is ready.
   */
  get position(): string {
    const position = this.#membership.life.log.position(this.#clock.now())
    return position.size === 0 ? '' : printPosition(position)
  }

  /** Where this Pod stands between `new` and its end. */
  get state(): State {
    if (this.#abort.signal.aborted) return 'stopped'
    if (this.#stopping !== undefined) return 'draining'
    if (this.#membership.life.mesh.isReady) return 'ready'
    if (this.#membership.joining !== undefined) return 'fetching-log'
    return this.#starting === undefined ? 'idle' : 'finding-peers'
  }

  /** Whether clients may come: the peers are known, the log was fetched from one of them, and nobody said stop. */
  get isReady(): boolean {
    return this.state === 'ready'
  }

  /** What this Pod is, and what it did so far: for dashboards, alerts and tests. Cheap enough for every scrape. */
  stats(options: StatsOptions = {}): Stats {
    const { state, position } = this
    const sources = {
      life: this.#membership.life,
      tally: this.#tally,
      faults: this.#faults,
      clock: this.#clock,
      peerFinder: this.#peerFinder,
      settings: this.#settings,
    }
    return readStats(sources, { state, position, uptimeMs: this.#clock.now() - this.#bornAt }, options)
  }

  /**
   * Finds the peers, fetches the log from one of them, and joins. Called again, it returns the first call's
   * promise, unless that failed.
   * @throws what the peer finder's first list throws; SserError `stopped`.
   */
  start(options: StartOptions = {}): Promise<void> {
    this.#starting ??= keepAlive(this.#clock, this.#start(options)).catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /**
   * Ends the connections one after another over `drainMs`, hands what the peers lack over to them for up to
   * `flushTimeoutMs`, and leaves. `send()` works until the last connection ended. A stopped instance stays stopped;
   * called again, it returns the first call's promise.
   */
  stop(): Promise<void> {
    this.#stopping ??= keepAlive(this.#clock, this.#drain())
    return this.#stopping
  }

  /**
   * Sends `msg` to every client that listens on `stream`, on every Pod. Resolves with a receipt as soon as each
   * peer holds the event or is known to be out of reach, or after `ackTimeoutMs`. A peer that is down is no reason
   * to reject: it gets the event when it comes back within the log's bounds.
   * @throws SserError `not-started`, `stopped`, `stream-name-required`, `invalid-stream-name`, `empty-message`,
   * `invalid-message`, `message-too-large`, `invalid-event-type` or `invalid-key`; the signal's reason when it aborts.
   */
  async send(stream: string, msg: string, { event, key, signal }: SendOptions = {}): Promise<Receipt> {
    if (this.#isLeaving) throw stopped()
    if (this.#membership.joining === undefined)
      throw new SserError('not-started', 'Call start() before send()')
    const fault =
      streamNameFault(stream) ??
      messageFault(msg, this.#settings.maxMessageBytes) ??
      (event === undefined ? undefined : eventTypeFault(event)) ??
      (key === undefined ? undefined : keyFault(key))
    if (fault !== undefined) throw fault
    signal?.throwIfAborted()
    if (!this.#membership.current().mesh.isReady) {
      await this.#membership.joining
      if (this.#isLeaving) throw stopped()
      signal?.throwIfAborted()
    }
    const { hub, log, mesh } = this.#membership.life
    const now = this.#clock.now()
    log.trim(now)
    const first = key === undefined ? undefined : log.keys.first(stream, key)
    const content = { stream, msg: msg.toWellFormed(), event: event?.toWellFormed(), key }
    const { epoch = log.epoch, seq } = first ?? log.append(log.epoch, content, now, now)
    if (first === undefined) this.#tally.sent += 1
    const connections = hub.listeners(stream)
    const peers = await mesh.send(epoch, seq, signal)
    return { id: printPosition([[epoch, seq]]), duplicate: first !== undefined, connections, peers }
  }

  async #start({ signal, ...options }: StartOptions): Promise<void> {
    this.#abort.signal.throwIfAborted()
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => void this.stop(), { once: true })
    await this.#membership.start(options)
  }

  /** Connections first: their clients resume elsewhere. What arrives meanwhile is handed on as well. */
  async #drain(): Promise<void> {
    await this.#membership.life.hub.drain(this.#settings.drainMs)
    this.#isLeaving = true
    await this.#membership.life.mesh.flush(this.#settings.flushTimeoutMs)
    this.#abort.abort(stopped())
    this.#membership.life.stop()
  }

  #open(streams: readonly string[], lastEventId: string | undefined): Opened | undefined {
    const life = this.#membership.current()
    if (!this.isReady) return undefined
    const stream = life.open(streams, lastEventId)
    if (lastEventId === undefined) return { stream, resume: undefined }
    return { stream, resume: life.gapFor(streams, lastEventId) === undefined ? 'complete' : 'gap' }
  }

  #receiveV1({ stream, msg }: V1Event): void {
    const fault = messageFault(msg, this.#settings.maxMessageBytes)
    if (fault !== undefined) throw fault
    this.#membership.current().log.appendV1(stream, msg, this.#clock.now())
    this.#tally.received += 1
  }
}

function stopped(): SserError {
  return new SserError('stopped', 'This instance was stopped')
}
