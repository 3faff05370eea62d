import { type Clock, pause } from '../clock.ts'
import type { Log } from '../log/log.ts'
import { isMeant } from '../log/selection.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { positionFrame } from '../wire/frame.ts'
import { Batch, WRITE_WORK } from './batch.ts'
import { CatchUp } from './catch-up.ts'
import type { Connection } from './connection.ts'
import { Crowd, type CrowdLimits } from './crowd.ts'
import { Endings } from './endings.ts'
import { Heartbeat } from './heartbeat.ts'
import { OutputBuffers } from './output-buffers.ts'
import { traceDelivery } from './traced-delivery.ts'
import { inTurns } from './turns.ts'

/** Connections served in one go; the event loop turns between goes. */
const GO_SIZE = 250
/** How often some of the connections end while the Pod drains. */
const WAVE_MS = 100

export interface HubOptions extends CrowdLimits {
  log: Log
  clock: Clock
  errors: ErrorReporter
  counters: Counters
  heartbeatMs: number
  /** How long a client may take to read what was written to it, in milliseconds. */
  slowClientTimeoutMs: number
  maxOutputBufferBytes: number
  tracing?: Tracing | undefined
}

const encoder = new TextEncoder()

/** The connections of this Pod, and the one flush that brings new events to all of them. */
export class Hub {
  readonly #log: Log
  readonly #clock: Clock
  readonly #errors: ErrorReporter
  readonly #tracing: Tracing | undefined
  readonly #counters: Counters
  readonly crowd: Crowd
  readonly outputs: OutputBuffers
  readonly #connections: Heartbeat
  /** So many heartbeats a client may have something left to read. */
  readonly #patience: number
  readonly #catchUp: CatchUp
  /** Connections that have left and are still sent the events before their end. */
  readonly #endings: Endings
  /** Every connection was offered everything before this index of the log. */
  #delivered: number
  #flushing = false
  #isClosed = false
  #isStopped = false

  readonly #onError = (error: unknown): void => this.#errors.report(error, { stage: 'deliver' })

  constructor(options: HubOptions) {
    this.#log = options.log
    this.#clock = options.clock
    this.#errors = options.errors
    this.#counters = options.counters
    this.#tracing = options.tracing
    this.#delivered = options.log.nextIndex
    this.#connections = new Heartbeat(options.clock, options.heartbeatMs, (connections) =>
      this.#heartbeat(connections),
    )
    this.#patience = Math.ceil(options.slowClientTimeoutMs / options.heartbeatMs)
    this.crowd = new Crowd(options.clock, options, (connections) =>
      this.#endAll(connections, options.log.nextIndex),
    )
    this.outputs = new OutputBuffers(options.maxOutputBufferBytes, () => {
      // Clients that read have a turn to take what they were written.
      options.clock.after(0, () => this.#relieve())
    })
    this.#endings = new Endings(options.clock, (connection) => this.#giveUp(connection))
    this.#catchUp = new CatchUp({
      clock: options.clock,
      isServed: (connection) => this.#connections.has(connection) || this.#endings.has(connection),
      onEnd: (connection) => this.#close(connection),
      onError: (connection, error) => this.#break(connection, error),
    })
    options.log.onAppend((entry) => {
      if (entry.kind === 'disconnect') this.#endAll(this.crowd.selected(entry.selection), entry.index)
      this.#wake()
    })
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size
  }

  /**
   * Takes a connection in whose request came when the log stood at `since`. A disconnect that came since then ends it, as
   * does the drain: it is sent what was appended between its answer and that end, and is closed; after the stop, at once.
   */
  join(connection: Connection, since: number = this.#log.nextIndex): void {
    const end = this.#endOf(connection, since)
    if (end !== undefined && end > connection.begin) {
      connection.endAt(end)
      this.#endings.add(connection)
    } else if (end !== undefined || !this.#findsRoom(connection)) this.#close(connection)
    else {
      this.crowd.join(connection)
      this.#connections.join(connection)
      this.#counters.opened += 1
    }
  }

  /** Takes out a connection whose client is gone; taking it out twice is no harm. */
  leave(connection: Connection): void {
    connection.leave()
    this.#remove(connection)
  }

  #remove(connection: Connection): void {
    this.#endings.delete(connection)
    if (!this.#connections.leave(connection)) return
    this.crowd.leave(connection)
    this.#counters.closed += 1
  }

  /** The connection's sink wants a chunk. */
  pull(connection: Connection): void {
    if (connection.pull()) this.#catchUp.push(connection)
    else if (connection.isDone) this.#close(connection)
  }

  /**
   * Ends every connection, some every 100 ms, so that they do not all knock elsewhere at once; what is sent meanwhile
   * still reaches the others. Resolves after `ms` at the latest, or when none is left.
   */
  async drain(ms: number): Promise<void> {
    this.#isClosed = true
    const deadline = this.#clock.now() + ms
    const waveSize = Math.max(1, Math.ceil((this.size * WAVE_MS) / ms))
    for (let left = waveSize; this.size > 0; left = waveSize) {
      for (const connection of this.#connections) {
        this.#end(connection, this.#log.nextIndex)
        left -= 1
        if (left === 0) break
      }
      if (this.size > 0) await pause(this.#clock, WAVE_MS)
    }
    // Events that were sent in this very turn are still to reach them.
    if (this.#endings.size > 0) await pause(this.#clock, 0)
    while (this.#endings.size > 0 && this.#clock.now() < deadline) await pause(this.#clock, WAVE_MS)
    for (const connection of this.#endings) this.#close(connection)
  }

  /** Ends every connection, now. */
  close(): void {
    this.#isClosed = true
    this.#isStopped = true
    for (const connection of this.#connections) this.#close(connection)
    for (const connection of this.#endings) this.#close(connection)
  }

  /** Index of the log at which a connection ends that joins now: it was authorized before. Undefined: it does not end. */
  #endOf({ audience, begin, terms }: Connection, since: number): number | undefined {
    if (this.#isStopped) return begin
    // The disconnects that the log has evicted since then may have selected it; it comes back, and is authorized anew.
    if (since < this.#log.disconnectsFrom) return begin
    for (const { selection, index } of this.#log.disconnects(since))
      if (isMeant(selection, audience.streams, terms?.tags ?? [])) return index
    if (this.#isClosed) return this.#log.nextIndex
    return undefined
  }

  /** There was room when it asked; others who asked at the same time may have taken it. */
  #findsRoom({ audience, terms }: Connection): boolean {
    const crowding = this.crowd.crowding(audience.streams, terms?.origin?.address)
    if (crowding !== undefined) this.#errors.countRejected(crowding.code)
    return crowding === undefined
  }

  /** They are sent nothing from the log's `index` on. To end many takes a few turns of the event loop. */
  #endAll(connections: Iterable<Connection>, index: number): void {
    const all = [...connections]
    for (const connection of all) this.#remove(connection)
    inTurns(this.#clock, this.#ends(all, index), this.#onError)
  }

  *#ends(connections: readonly Connection[], index: number): Generator<void> {
    for (const [i, connection] of connections.entries()) {
      this.#end(connection, index)
      if (i % GO_SIZE === GO_SIZE - 1) yield
    }
  }

  /** Closes a connection as soon as it was sent what comes before the log's `index`. */
  #end(connection: Connection, index: number): void {
    this.#remove(connection)
    // Its client may have gone while it waited for its turn.
    if (connection.isClosed) return
    if (connection.endAt(index) || this.#isStopped) return this.#close(connection)
    this.#endings.add(connection)
    if (connection.isReady) this.#catchUp.push(connection)
  }

  /** The time of a connection is over that was to be sent the events before its end. */
  #giveUp(connection: Connection): void {
    if (!connection.isReady) connection.abort()
    else this.#close(connection)
  }

  #close(connection: Connection): void {
    this.#remove(connection)
    try {
      connection.close(this.#clock.random())
    } catch (error) {
      this.#break(connection, error)
    }
  }

  #cut(connection: Connection, code: 'slow-client' | 'output-buffers-full'): void {
    this.#remove(connection)
    this.#errors.countRejected(code)
    connection.abort()
  }

  #relieve(): void {
    for (const connection of this.outputs.excess([...this.#connections, ...this.#endings]))
      this.#cut(connection, 'output-buffers-full')
  }

  /** A connection whose sink is broken is let go of; nobody else's delivery may end with it. */
  #break(connection: Connection, error: unknown): void {
    this.leave(connection)
    this.#onError(error)
  }

  /** Everything that is appended in one turn of the event loop reaches a connection as one chunk. */
  #wake(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      inTurns(this.#clock, this.#deliver(), this.#onError, () => {
        this.#flushing = false
      })
    })
  }

  /** Offers what is new, until nothing is; yields when others should have their turn. */
  *#deliver(): Generator<void> {
    let work = 0
    // Whole numbers, because V8 allocates others anew for each connection.
    const mostAdded = Math.floor(this.outputs.maxBytes / 8)
    let mostHeld = this.outputs.bytes + mostAdded
    while (this.#delivered < this.#log.nextIndex) {
      const { nextIndex } = this.#log
      const batch = new Batch(this.#log, this.#delivered, this.#clock.now(), (stream) =>
        this.crowd.has(stream),
      )
      const endSpans =
        this.#tracing && traceDelivery(this.#tracing, batch.traced, (of) => this.crowd.listeners(of))
      for (const audience of this.crowd.concerned(batch)) {
        // A Set may change while it is walked: who joins later stands past this batch already.
        for (const connection of audience.connections) {
          try {
            if (connection.offer(batch)) this.#catchUp.push(connection)
          } catch (error) {
            this.#break(connection, error)
          }
          work += WRITE_WORK
          if (work + batch.work < GO_SIZE * WRITE_WORK && this.outputs.bytes <= mostHeld) continue
          yield
          work = batch.work = 0
          mostHeld = this.outputs.bytes + mostAdded
        }
      }
      endSpans?.()
      this.#delivered = batch.to
      // It was too much for one batch. The sinks, too, need the turn: who has taken one chunk asks for the next.
      if (batch.to < nextIndex) yield
    }
  }

  #heartbeat(connections: Iterable<Connection>): void {
    const now = this.#clock.now()
    const frames = new Map<number, Uint8Array>()
    const frameAt = (index: number) => {
      let frame = frames.get(index)
      if (frame === undefined) {
        const id = this.#log.isResumable
          ? this.#log.eventIds.format(this.#log.positionAt(index, now))
          : undefined
        frame = encoder.encode(positionFrame(id))
        frames.set(index, frame)
      }
      return frame
    }
    for (const connection of connections) {
      try {
        if (connection.isStalled(this.#patience)) this.#cut(connection, 'slow-client')
        else connection.heartbeat(this.#delivered, frameAt)
      } catch (error) {
        this.#break(connection, error)
      }
    }
  }
}
