import { type Clock, pause, runYielding } from '../clock.ts'
import { matches } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { type FrameFormat, positionFrame, type RetryReason } from '../wire/sse-frame.ts'
import { YIELD_EVERY } from './batch-delivery.ts'
import { CatchUpQueue } from './catch-up-queue.ts'
import { ClosingConnections } from './closing-connections.ts'
import type { Connection } from './connection.ts'
import { type ConnectionLimits, ConnectionRegistry } from './connection-registry.ts'
import { Dispatcher } from './dispatcher.ts'
import { Heartbeat } from './heartbeat.ts'
import { LiveQueue } from './live-queue.ts'
import { OutputBuffers } from './output-buffers.ts'
import type { Reservation } from './reservations.ts'

/** Interval between the waves in which a drain closes connections, in milliseconds. */
const WAVE_MS = 100

export interface HubOptions {
  log: Log
  clock: Clock
  errors: ErrorReporter
  counters: Counters
  limits: ConnectionLimits
  heartbeatMs: number
  /** Time that a client may take to read a chunk that was written to it, in milliseconds. */
  slowClientTimeoutMs: number
  maxOutputBufferBytes: number
  tracing?: Tracing | undefined
}

const encoder = new TextEncoder()

type ReasonOf = (connection: Connection) => RetryReason

/** The open connections of this Pod: adds, removes and closes them, and keeps them alive with heartbeats. */
export class Hub {
  readonly #log: Log
  readonly #clock: Clock
  readonly #errors: ErrorReporter
  readonly #counters: Counters
  readonly registry: ConnectionRegistry
  readonly outputs: OutputBuffers
  readonly #connections: Heartbeat
  /** Maximum number of heartbeats during which a client may leave a chunk unread. */
  readonly #maxMissedHeartbeats: number
  readonly #catchUp: CatchUpQueue
  readonly #live: LiveQueue
  /** Connections that are no longer open, and still receive the events before their close index. */
  readonly #closing: ClosingConnections
  readonly #dispatcher: Dispatcher
  #isDraining = false
  #isStopped = false
  /** Without a drain the hub closes because its incarnation ends after a pause of the process. */
  #stopReason: RetryReason = 'paused'

  readonly #onError = (error: unknown): void => this.#errors.report(error, { stage: 'deliver' })

  constructor(options: HubOptions) {
    this.#log = options.log
    this.#clock = options.clock
    this.#errors = options.errors
    this.#counters = options.counters
    this.#connections = new Heartbeat(options.clock, options.heartbeatMs, (connections) =>
      this.#heartbeat(connections),
    )
    this.#maxMissedHeartbeats = Math.ceil(options.slowClientTimeoutMs / options.heartbeatMs)
    this.registry = new ConnectionRegistry(options.clock, options.limits, (connections) =>
      this.#closeAll(connections, options.log.nextIndex, ({ grant }) => grant?.endReason ?? 'expired'),
    )
    this.outputs = new OutputBuffers(options.maxOutputBufferBytes, () => {
      // A turn of the event loop lets the clients that read take their chunks.
      options.clock.after(0, () => this.#freeOutputBuffers())
    })
    this.#closing = new ClosingConnections(options.clock, (connection) => this.#onCloseTimeout(connection))
    this.#catchUp = new CatchUpQueue({
      clock: options.clock,
      isServed: (connection) => this.#connections.has(connection) || this.#closing.has(connection),
      onReadyToClose: (connection) => this.#close(connection),
      onError: (connection, error) => this.#fail(connection, error),
    })
    this.#live = new LiveQueue({
      clock: options.clock,
      serve: (connection) => this.#serve(connection),
      onError: this.#onError,
    })
    this.#dispatcher = new Dispatcher({
      log: options.log,
      clock: options.clock,
      registry: this.registry,
      outputs: this.outputs,
      tracing: options.tracing,
      onBehind: (connection) => this.#catchUp.push(connection),
      onBroken: (connection, error) => this.#fail(connection, error),
      onError: this.#onError,
    })
    options.log.onAppend((entry) => {
      if (entry.kind === 'disconnect')
        this.#closeAll(this.registry.matching(entry.selector), entry.index, () => 'disconnected')
      this.#dispatcher.schedule()
    })
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size
  }

  /**
   * Adds a connection that was authorized when the log's next index was `since`. A matching disconnect at or after
   * `since` closes it, and so does a drain: it receives the events between its response and that point first. After
   * `close()` it is closed at once. `reservation`: its capacity since admission.
   */
  add(connection: Connection, since: number = this.#log.nextIndex, reservation?: Reservation): void {
    const end = this.#endOf(connection, since)
    if (end !== undefined) {
      reservation?.release()
      if (end.index <= connection.liveFrom) return this.#close(connection, end.reason)
      connection.closeAt(end.index)
      return this.#closing.add(connection, end.reason)
    }
    const error = this.registry.add(connection, reservation)
    if (error !== undefined) {
      this.#errors.countRejected(error.code)
      return this.#close(connection, error.code)
    }
    this.#connections.add(connection)
    this.#counters.opened += 1
  }

  /** Removes a connection that its client has closed; a second call does nothing. */
  remove(connection: Connection): void {
    connection.discard()
    this.#detach(connection)
  }

  #detach(connection: Connection): void {
    this.#closing.delete(connection)
    if (!this.#connections.remove(connection)) return
    this.registry.remove(connection)
    this.#counters.closed += 1
  }

  /** The connection's sink asks for a chunk. */
  pull(connection: Connection): void {
    if (connection.pull()) this.#catchUp.push(connection)
    else if (connection.canClose) this.#close(connection)
  }

  /** A connection that is not behind has something new outside the log. */
  wake(connection: Connection): void {
    this.#live.push(connection)
  }

  #serve(connection: Connection): void {
    if (!this.#connections.has(connection)) return
    try {
      if (connection.catchUp()) this.#catchUp.push(connection)
      else if (connection.canClose) this.#close(connection)
    } catch (error) {
      this.#fail(connection, error)
    }
  }

  /**
   * Closes every connection, in waves {@link WAVE_MS} apart, so that the clients do not reconnect to other Pods all at
   * once. Open connections still receive new events, and those that outlast the drain are left for its end. Resolves when no
   * connection is left, at the latest after `ms`; those that outlast it have `patienceMs`.
   */
  async drain(ms: number, patienceMs: number = ms): Promise<void> {
    this.#isDraining = true
    this.#stopReason = 'draining'
    const deadline = this.#clock.now() + ms
    const patience = this.#clock.now() + Math.max(ms, patienceMs)
    const waveSize = Math.max(1, Math.ceil((this.size * WAVE_MS) / ms))
    for (let left = waveSize; this.size > 0; left = waveSize) {
      const isLate = this.#clock.now() >= patience
      for (const connection of this.#connections) {
        if (connection.outlastsDrain && !isLate) continue
        this.#closeAt(connection, this.#log.nextIndex, 'draining')
        left -= 1
        if (left === 0) break
      }
      if (this.size > 0) await pause(this.#clock, WAVE_MS)
    }
    // The events of this turn of the event loop are not delivered yet.
    if (this.#closing.size > 0) await pause(this.#clock, 0)
    while (this.#closing.size > 0 && this.#clock.now() < deadline) await pause(this.#clock, WAVE_MS)
    for (const connection of this.#closing) this.#close(connection)
  }

  /** Closes every connection at once. */
  close(): void {
    this.#isDraining = true
    this.#isStopped = true
    for (const connection of this.#connections) this.#close(connection)
    for (const connection of this.#closing) this.#close(connection)
  }

  /** Log index at which a new connection must be closed, and why; undefined where no disconnect or drain affects it. */
  #endOf(
    { streams, liveFrom, grant }: Connection,
    since: number,
  ): { index: number; reason: RetryReason } | undefined {
    if (this.#isStopped) return { index: liveFrom, reason: this.#stopReason }
    // A disconnect that the log has evicted may have matched. The client reconnects, and is authorized again.
    if (since < this.#log.indexes.disconnectsFrom) return { index: liveFrom, reason: 'disconnected' }
    for (const { selector, index } of this.#log.indexes.disconnects(since))
      if (matches(selector, streams, grant?.tags ?? [])) return { index, reason: 'disconnected' }
    if (this.#isDraining) return { index: this.#log.nextIndex, reason: 'draining' }
    return undefined
  }

  /** Closes connections at the log's `index`, {@link YIELD_EVERY} per turn of the event loop. */
  #closeAll(connections: Iterable<Connection>, index: number, reasonOf: ReasonOf): void {
    const all = [...connections]
    for (const connection of all) this.#detach(connection)
    runYielding(this.#clock, this.#closeEach(all, index, reasonOf), this.#onError)
  }

  *#closeEach(connections: readonly Connection[], index: number, reasonOf: ReasonOf): Generator<void> {
    for (const [i, connection] of connections.entries()) {
      this.#closeAt(connection, index, reasonOf(connection))
      if (i % YIELD_EVERY === YIELD_EVERY - 1) yield
    }
  }

  /** Closes a connection as soon as it has received the entries before the log's `index`. */
  #closeAt(connection: Connection, index: number, reason: RetryReason): void {
    this.#detach(connection)
    // The client may have closed it during an earlier turn.
    if (connection.isClosed) return
    if (connection.closeAt(index) || this.#isStopped) return this.#close(connection, reason)
    this.#closing.add(connection, reason)
    if (connection.isReady) this.#catchUp.push(connection)
  }

  /** A closing connection did not receive the events before its close index in time. */
  #onCloseTimeout(connection: Connection): void {
    if (!connection.isReady) connection.abort()
    else this.#close(connection)
  }

  #close(connection: Connection, reason = this.#closing.reasonOf(connection) ?? this.#stopReason): void {
    this.#detach(connection)
    try {
      connection.close(this.#clock.random(), reason)
    } catch (error) {
      this.#fail(connection, error)
    }
  }

  #abort(connection: Connection, code: 'slow-client' | 'output-buffers-full'): void {
    this.#detach(connection)
    this.#errors.countRejected(code)
    connection.abort()
  }

  #freeOutputBuffers(): void {
    for (const connection of this.outputs.heaviest([...this.#connections, ...this.#closing]))
      this.#abort(connection, 'output-buffers-full')
  }

  /** Removes a connection after its sink threw, so that the delivery to the others goes on. */
  #fail(connection: Connection, error: unknown): void {
    this.remove(connection)
    this.#onError(error)
  }

  #heartbeat(connections: Iterable<Connection>): void {
    const now = this.#clock.now()
    const [standard, plain] = [new Map<number, Uint8Array>(), new Map<number, Uint8Array>()]
    const frameAt = (index: number, format: FrameFormat) => {
      const frames = format.isPlain ? plain : standard
      let frame = frames.get(index)
      if (frame === undefined) {
        const id = this.#log.isResumable
          ? this.#log.eventIds.format(this.#log.positionAt(index, now))
          : undefined
        frame = encoder.encode(format.own(positionFrame(id)))
        frames.set(index, frame)
      }
      return frame
    }
    for (const connection of connections) {
      try {
        if (connection.isTooSlow(this.#maxMissedHeartbeats)) this.#abort(connection, 'slow-client')
        else connection.heartbeat(this.#dispatcher.deliveredIndex, frameAt)
      } catch (error) {
        this.#fail(connection, error)
      }
    }
  }
}
