import type { Hono } from 'hono'
import { type Clock, keepAlive, systemClock } from './clock.ts'
import { SserError } from './errors.ts'
import { Faults } from './faults.ts'
import type { PeerFinder } from './finders/finder.ts'
import { follow } from './finders/follow.ts'
import { Life } from './life.ts'
import type { PeerStatus } from './mesh/link.ts'
import { checkPeers, type Peer } from './mesh/peer.ts'
import type { Receipt } from './mesh/receipt.ts'
import { fetchTransport, type Transport } from './mesh/transport.ts'
import { type ResolvedSettings, resolveSettings, type Settings } from './options.ts'
import { eventsHandler, eventsRoutes, type Handler, type Opened } from './routes/events.ts'
import { internalRoutes } from './routes/internal.ts'
import { opsRoutes, type State } from './routes/ops.ts'
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

/** What `start()` may be given. */
export interface StartOptions {
  /** Stops the instance when it aborts. */
  signal?: AbortSignal | undefined
  /** The internal port that was bound, where it is not the option's. */
  internalPort?: number | undefined
  /** How requests reach peers where the runtime has something leaner than `fetch`; the option `fetch` comes first. */
  transport?: Transport | undefined
}

/** Server-Sent Events across the Pods of one workload: what is sent on any reaches the clients of all. */
export class Sser {
  /** The public sub-app, to be mounted where clients connect: `app.route('/events', sser.routes)`. */
  readonly routes: Hono
  /** What peers post to; the runtimes' `serve()` binds it to the internal port. Nobody else should reach it. */
  readonly internalRoutes: Hono
  /** `/livez` and `/readyz`, for probes; the runtimes' `serve()` binds them to the internal port, too. */
  readonly opsRoutes: Hono
  /** The public endpoint under any other router: given a `Request`, returns a streaming `Response`. */
  readonly handler: Handler
  readonly #settings: ResolvedSettings
  readonly #peerFinder: PeerFinder
  readonly #clock: Clock
  readonly #faults: Faults
  readonly #abort = new AbortController()
  #transport: Transport
  #life: Life
  #peers: readonly Peer[] = []
  #internalPort: number
  #uid: string | undefined
  #starting: Promise<void> | undefined
  #joining: Promise<void> | undefined
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
    this.#peerFinder = peerFinder
    this.#settings = resolveSettings(settings)
    this.#internalPort = this.#settings.internalPort
    this.#clock = this.#settings.clock ?? systemClock
    this.#faults = new Faults(this.#settings.onError)
    this.#transport = fetchTransport(this.#settings.fetch ?? globalThis.fetch)
    this.#life = this.#begin()
    const { maxStreamsPerConnection, retryMs, maxMessageBytes } = this.#settings
    this.handler = eventsHandler({
      maxStreams: maxStreamsPerConnection,
      retryMs,
      open: (streams, lastEventId) => this.#open(streams, lastEventId),
    })
    this.routes = eventsRoutes(this.handler)
    this.internalRoutes = internalRoutes({
      faults: this.#faults,
      v1MaxBytes: 6 * maxMessageBytes + 4_096,
      isStopped: () => this.#abort.signal.aborted,
      isFor: (uid) => this.#isFor(uid),
      receive: (message) => this.#current().mesh.receive(message),
      receiveV1: (event) => this.#receiveV1(event),
    })
    this.opsRoutes = opsRoutes(() => this.state)
  }

  /** The port on which Pods talk to each other, as the options say. */
  get internalPort(): number {
    return this.#settings.internalPort
  }

  /** Connections that are open on this Pod. */
  get connections(): number {
    return this.#life.hub.size
  }

  /** Every peer, and how the link to it stands. */
  get peers(): PeerStatus[] {
    return this.#life.mesh.peers()
  }

  /**
   * Where this Pod stands, as an id: a page that is rendered with it connects with `?lastEventId=`, and misses
   * nothing. Empty before the Pod is ready.
   */
  get position(): string {
    const position = this.#life.log.position(this.#clock.now())
    return position.size === 0 ? '' : printPosition(position)
  }

  /** Where this Pod stands between `new` and its end. */
  get state(): State {
    if (this.#abort.signal.aborted) return 'stopped'
    if (this.#stopping !== undefined) return 'draining'
    if (this.#life.mesh.isReady) return 'ready'
    if (this.#joining !== undefined) return 'fetching-log'
    return this.#starting === undefined ? 'idle' : 'finding-peers'
  }

  /** Whether clients may come: the peers are known, the log was fetched from one of them, and nobody said stop. */
  get isReady(): boolean {
    return this.state === 'ready'
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
    if (this.#joining === undefined) throw new SserError('not-started', 'Call start() before send()')
    const fault =
      streamNameFault(stream) ??
      messageFault(msg, this.#settings.maxMessageBytes) ??
      (event === undefined ? undefined : eventTypeFault(event)) ??
      (key === undefined ? undefined : keyFault(key))
    if (fault !== undefined) throw fault
    signal?.throwIfAborted()
    if (!this.#current().mesh.isReady) {
      await this.#joining
      if (this.#isLeaving) throw stopped()
      signal?.throwIfAborted()
    }
    const { hub, log, mesh } = this.#life
    const now = this.#clock.now()
    log.trim(now)
    const first = key === undefined ? undefined : log.keys.first(stream, key)
    const content = { stream, msg: msg.toWellFormed(), event: event?.toWellFormed(), key }
    const { epoch = log.epoch, seq } = first ?? log.append(log.epoch, content, now, now)
    const connections = hub.listeners(stream)
    const peers = await mesh.send(epoch, seq, signal)
    return { id: printPosition([[epoch, seq]]), duplicate: first !== undefined, connections, peers }
  }

  async #start({
    signal,
    internalPort = this.#settings.internalPort,
    transport,
  }: StartOptions): Promise<void> {
    this.#abort.signal.throwIfAborted()
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => void this.stop(), { once: true })
    this.#internalPort = internalPort
    if (transport !== undefined && this.#settings.fetch === undefined) this.#transport = transport
    const { peers, changes, uid } = await this.#peerFinder.start({
      signal: this.#abort.signal,
      onError: (error) => this.#faults.report(error, { stage: 'peer-finder' }),
    })
    this.#abort.signal.throwIfAborted()
    this.#peers = checkPeers(peers)
    this.#uid = uid
    void follow(changes, {
      signal: this.#abort.signal,
      faults: this.#faults,
      adopt: (later) => {
        this.#peers = later
        this.#life.mesh.setPeers(later, this.#internalPort)
      },
    })
    await this.#join()
    this.#abort.signal.throwIfAborted()
  }

  #begin(): Life {
    return new Life({
      settings: this.#settings,
      clock: this.#clock,
      faults: this.#faults,
      transport: (request) => this.#transport(request),
      onFrozen: () => void this.#current(),
    })
  }

  /** This life; a new one where the Pod stood still for so long that the old one's ages are wrong. */
  #current(): Life {
    if (!this.#life.mesh.isFrozen() || this.#abort.signal.aborted) return this.#life
    this.#life.stop()
    this.#life = this.#begin()
    void this.#join()
    return this.#life
  }

  /** Joins the fleet in this life. */
  #join(): Promise<void> {
    this.#life.mesh.setPeers(this.#peers, this.#internalPort)
    this.#joining = this.#life.mesh.join()
    return this.#joining
  }

  /** Connections first: their clients resume elsewhere. What arrives meanwhile is handed on as well. */
  async #drain(): Promise<void> {
    await this.#life.hub.drain(this.#settings.drainMs)
    this.#isLeaving = true
    await this.#life.mesh.flush(this.#settings.flushTimeoutMs)
    this.#abort.abort(stopped())
    this.#life.stop()
  }

  #open(streams: readonly string[], lastEventId: string | undefined): Opened | undefined {
    const life = this.#current()
    if (!this.isReady) return undefined
    const stream = life.open(streams, lastEventId)
    if (lastEventId === undefined) return { stream, resume: undefined }
    return { stream, resume: life.gapFor(streams, lastEventId) === undefined ? 'complete' : 'gap' }
  }

  /** Before the finder's first list a Pod does not know its own UID. */
  #isFor(uid: string): boolean | undefined {
    if (this.#joining === undefined) return undefined
    return this.#uid === undefined || this.#uid === uid
  }

  #receiveV1({ stream, msg }: V1Event): void {
    const fault = messageFault(msg, this.#settings.maxMessageBytes)
    if (fault !== undefined) throw fault
    this.#current().log.appendV1(stream, msg, this.#clock.now())
  }
}

function stopped(): SserError {
  return new SserError('stopped', 'This instance was stopped')
}
