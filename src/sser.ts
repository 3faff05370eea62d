import type { Hono } from 'hono'
import { type Clock, systemClock } from './clock.ts'
import { Connection } from './core/connection.ts'
import { eventStream } from './core/event-stream.ts'
import { Hub } from './core/hub.ts'
import { Log } from './core/log.ts'
import { timing } from './core/timing.ts'
import { SserError } from './errors.ts'
import { Faults } from './faults.ts'
import type { PeerFinder, PeerList } from './finders/finder.ts'
import type { PeerStatus } from './mesh/link.ts'
import { Mesh } from './mesh/mesh.ts'
import type { Receipt } from './mesh/receipt.ts'
import { type ResolvedSettings, resolveSettings, type Settings } from './options.ts'
import { eventsHandler, eventsRoutes, type Handler } from './routes/events.ts'
import { internalRoutes } from './routes/internal.ts'
import { eventTypeFault, isLongerThan, streamNameFault } from './wire/names.ts'
import { drawEpoch, printPosition } from './wire/position.ts'
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
  /** Ends the wait for the receipt. An event that is on its way by then stays on its way. */
  signal?: AbortSignal | undefined
}

/** What `start()` may be given. */
export interface StartOptions {
  /** Stops the instance when it aborts. */
  signal?: AbortSignal | undefined
  /** The internal port that was bound, where it is not the option's. */
  internalPort?: number | undefined
}

/** Server-Sent Events across the Pods of one workload: what is sent on any reaches the clients of all. */
export class Sser {
  /** The public sub-app, to be mounted where clients connect: `app.route('/events', sser.routes)`. */
  readonly routes: Hono
  /** What peers post to; the runtimes' `serve()` binds it to the internal port. Nobody else should reach it. */
  readonly internalRoutes: Hono
  /** The public endpoint under any other router: given a `Request`, returns a streaming `Response`. */
  readonly handler: Handler
  readonly #settings: ResolvedSettings
  readonly #peerFinder: PeerFinder
  readonly #clock: Clock
  readonly #faults: Faults
  readonly #log: Log
  readonly #hub: Hub
  readonly #mesh: Mesh
  readonly #abort = new AbortController()
  #starting: Promise<void> | undefined
  #isStarted = false

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
    const { clock = systemClock, fetch = globalThis.fetch, onError, ...options } = this.#settings
    const times = timing(options.logMaxAgeMs)
    const epoch = drawEpoch(clock.random)
    this.#clock = clock
    this.#faults = new Faults(onError)
    const {
      logMaxAgeMs: maxAgeMs,
      logMaxBytes: maxBytes,
      heartbeatMs,
      requestTimeoutMs,
      ackTimeoutMs,
    } = options
    this.#log = new Log({ epoch, maxAgeMs, maxBytes, timing: times })
    this.#hub = new Hub({ log: this.#log, clock, faults: this.#faults, heartbeatMs })
    this.#mesh = new Mesh({
      log: this.#log,
      timing: times,
      clock,
      faults: this.#faults,
      fetch,
      requestTimeoutMs,
      ackTimeoutMs,
    })
    this.handler = eventsHandler({
      maxStreams: options.maxStreamsPerConnection,
      retryMs: options.retryMs,
      open: (streams) => this.#open(streams),
    })
    this.routes = eventsRoutes(this.handler)
    this.internalRoutes = internalRoutes({
      faults: this.#faults,
      v1MaxBytes: 6 * options.maxMessageBytes + 4_096,
      isStopped: () => this.#abort.signal.aborted,
      receive: (message) => this.#mesh.receive(message),
      receiveV1: (event) => this.#receiveV1(event),
    })
  }

  /** The port on which Pods talk to each other, as the options say. */
  get internalPort(): number {
    return this.#settings.internalPort
  }

  /** Connections that are open on this Pod. */
  get connections(): number {
    return this.#hub.size
  }

  /** Every peer, and how the link to it stands. */
  get peers(): PeerStatus[] {
    return this.#mesh.peers()
  }

  /**
   * Finds the peers and joins them. Called again, it returns the first call's promise, unless that failed.
   * @throws what the peer finder's first list throws; SserError `stopped`.
   */
  start(options: StartOptions = {}): Promise<void> {
    this.#starting ??= this.#start(options).catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Ends every connection and every link. A stopped instance stays stopped. */
  async stop(): Promise<void> {
    if (this.#abort.signal.aborted) return
    this.#abort.abort(stopped())
    this.#hub.close()
    this.#mesh.stop()
  }

  /**
   * Sends `msg` to every client that listens on `stream`, on every Pod. Resolves with a receipt as soon as each
   * peer holds the event or is known to be out of reach, or after `ackTimeoutMs`. A peer that is down is no reason
   * to reject: it gets the event when it comes back within the log's bounds.
   * @throws SserError `not-started`, `stopped`, `stream-name-required`, `invalid-stream-name`, `empty-message`,
   * `invalid-message`, `message-too-large` or `invalid-event-type`; the signal's reason when it aborts.
   */
  async send(stream: string, msg: string, { event, signal }: SendOptions = {}): Promise<Receipt> {
    if (this.#abort.signal.aborted) throw stopped()
    if (!this.#isStarted) throw new SserError('not-started', 'Call start() before send()')
    const fault =
      streamNameFault(stream) ??
      this.#messageFault(msg) ??
      (event === undefined ? undefined : eventTypeFault(event))
    if (fault !== undefined) throw fault
    signal?.throwIfAborted()
    const { epoch } = this.#log
    const now = this.#clock.now()
    const { seq } = this.#log.append(
      epoch,
      { stream, msg: msg.toWellFormed(), event: event?.toWellFormed() },
      now,
      now,
    )
    const connections = this.#hub.listeners(stream)
    const peers = await this.#mesh.send(seq, signal)
    return { id: printPosition([[epoch, seq]]), connections, peers }
  }

  async #start({ signal, internalPort = this.#settings.internalPort }: StartOptions): Promise<void> {
    this.#abort.signal.throwIfAborted()
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => void this.stop(), { once: true })
    const { peers, changes } = await this.#peerFinder.start({ signal: this.#abort.signal })
    this.#abort.signal.throwIfAborted()
    this.#mesh.setPeers(peers, internalPort)
    this.#mesh.start()
    this.#isStarted = true
    void this.#follow(changes, internalPort)
  }

  /** Whatever happens to the finder, the last good list stays. */
  async #follow(changes: PeerList['changes'], internalPort: number): Promise<void> {
    try {
      for await (const peers of changes) {
        if (this.#abort.signal.aborted) return
        this.#mesh.setPeers(peers, internalPort)
      }
      if (this.#abort.signal.aborted) return
      throw new SserError('peer-finder-failed', 'The peer finder ended its list of changes')
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#faults.report(error, { stage: 'peer-finder' })
    }
  }

  #open(streams: readonly string[]): ReadableStream<Uint8Array> | undefined {
    if (!this.#isStarted || this.#abort.signal.aborted) return undefined
    const { retryMs } = this.#settings
    const now = () => this.#clock.now()
    return eventStream(this.#hub, (sink) => new Connection({ streams, sink, log: this.#log, now, retryMs }))
  }

  #receiveV1({ stream, msg }: V1Event): void {
    const fault = this.#messageFault(msg)
    if (fault !== undefined) throw fault
    this.#log.appendV1(stream, msg, this.#clock.now())
  }

  #messageFault(msg: string): SserError | undefined {
    if (typeof msg !== 'string')
      return new SserError('invalid-message', 'A message is a string; try JSON.stringify()')
    if (msg === '')
      return new SserError('empty-message', 'you cannot send the empty string as a message over SSE')
    const { maxMessageBytes } = this.#settings
    if (!isLongerThan(msg, maxMessageBytes)) return undefined
    return new SserError('message-too-large', `A message has at most ${maxMessageBytes} bytes`)
  }
}

function stopped(): SserError {
  return new SserError('stopped', 'This instance was stopped')
}
