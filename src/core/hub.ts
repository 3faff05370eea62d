import { type Clock, pause } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { Tracing } from '../tracing.ts'
import { positionFrame } from '../wire/frame.ts'
import { printPosition } from '../wire/position.ts'
import { Batch } from './batch.ts'
import type { Connection } from './connection.ts'
import { Crowd, type CrowdLimits } from './crowd.ts'
import { Deque } from './deque.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Log } from './log.ts'
import type { Tally } from './tally.ts'
import { isMeant } from './terms.ts'
import { traceDelivery } from './traced-delivery.ts'

/** Connections served in one go; the event loop turns between goes. */
const GO_SIZE = 250
/** Slices of the log read in one go, for connections that are behind. */
const SLICES = 4
/** How often some of the connections end while the Pod drains. */
const WAVE_MS = 100

export interface HubOptions extends CrowdLimits {
  log: Log
  clock: Clock
  faults: Faults
  tally: Tally
  heartbeatMs: number
  /** How long a client may take to read what was written to it, in milliseconds. */
  stallTimeoutMs: number
  tracing?: Tracing | undefined
}

const encoder = new TextEncoder()

/** The connections of this Pod, and the one flush that brings new events to all of them. */
export class Hub {
  readonly #log: Log
  readonly #clock: Clock
  readonly #faults: Faults
  readonly #tracing: Tracing | undefined
  readonly #tally: Tally
  readonly crowd: Crowd
  readonly #connections: Heartbeat
  /** So many heartbeats a client may have something left to read. */
  readonly #patience: number
  /** Those who are behind, in the order in which each gets its next slice. */
  readonly #behind = new Deque<Connection>()
  #isCatchingUp = false
  /** Every connection was offered everything before this index of the log. */
  #delivered: number
  #flushing = false
  #isClosed = false

  constructor(options: HubOptions) {
    this.#log = options.log
    this.#clock = options.clock
    this.#faults = options.faults
    this.#tally = options.tally
    this.#tracing = options.tracing
    this.#delivered = options.log.head
    this.#connections = new Heartbeat(options.clock, options.heartbeatMs, (connections) =>
      this.#heartbeat(connections),
    )
    this.#patience = Math.ceil(options.stallTimeoutMs / options.heartbeatMs)
    this.crowd = new Crowd(options.clock, options, (connections) => this.#endAll(connections))
    options.log.onAppend = (item) => {
      if (item.kind === 'disconnect') this.#endAll(this.crowd.selected(item.selection))
      this.#wake()
    }
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size
  }

  /**
   * Takes a connection in that was allowed when the log stood at `since`; one that may not be here, or not any more,
   * is ended at once.
   */
  join(connection: Connection, since: number = this.#log.head): void {
    if (this.#isClosed || this.#isMeant(connection, since) || !this.#findsRoom(connection)) {
      this.#end(connection)
      return
    }
    this.crowd.join(connection)
    this.#connections.join(connection)
    this.#tally.opened += 1
  }

  /** Takes a connection out; taking it out twice is no harm. */
  leave(connection: Connection): void {
    if (!this.#connections.leave(connection)) return
    this.crowd.leave(connection)
    this.#tally.ended += 1
  }

  /** The connection's sink wants a chunk. */
  pull(connection: Connection): void {
    if (connection.pull()) this.#putBehind(connection)
  }

  /**
   * Ends every connection, some every 100 ms, so that they do not all knock elsewhere at once; what is sent meanwhile
   * still reaches the others. Resolves after `ms` at the latest, or when none is left.
   */
  async drain(ms: number): Promise<void> {
    this.#isClosed = true
    const waveSize = Math.max(1, Math.ceil((this.size * WAVE_MS) / ms))
    for (let left = waveSize; this.size > 0; left = waveSize) {
      for (const connection of this.#connections) {
        this.#end(connection)
        left -= 1
        if (left === 0) break
      }
      if (this.size > 0) await pause(this.#clock, WAVE_MS)
    }
  }

  /** Ends every connection, now. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#connections) this.#end(connection)
  }

  /** Who was let in before they were meant, and joins only now, does not slip through. */
  #isMeant({ audience, terms }: Connection, since: number): boolean {
    // What the log has let go of since then may have meant it; it comes back, and is judged anew.
    if (since < this.#log.disconnectsFrom) return true
    for (const { selection } of this.#log.disconnects(since))
      if (isMeant(selection, audience.streams, terms?.tags ?? [])) return true
    return false
  }

  /** There was room when it asked; others who asked at the same time may have taken it. */
  #findsRoom({ audience, terms }: Connection): boolean {
    const crowding = this.crowd.crowding(audience.streams, terms?.origin?.address)
    if (crowding !== undefined) this.#faults.reject(crowding.code)
    return crowding === undefined
  }

  /** None of them gets anything more, from now on; that so many are told takes a few turns of the event loop. */
  #endAll(connections: Iterable<Connection>): void {
    const all = [...connections]
    for (const connection of all) this.leave(connection)
    this.#inTurns(this.#ends(all))
  }

  *#ends(connections: readonly Connection[]): Generator<void> {
    for (const [i, connection] of connections.entries()) {
      this.#end(connection)
      if (i % GO_SIZE === GO_SIZE - 1) yield
    }
  }

  #end(connection: Connection): void {
    this.leave(connection)
    try {
      connection.close(this.#clock.random())
    } catch (error) {
      this.#break(connection, error)
    }
  }

  #cut(connection: Connection): void {
    this.leave(connection)
    this.#faults.reject('stalled')
    connection.abort()
  }

  /** A connection whose sink is broken is let go of; nobody else's delivery may end with it. */
  #break(connection: Connection, error: unknown): void {
    this.leave(connection)
    this.#faults.report(error, { stage: 'deliver' })
  }

  /** Everything that is appended in one turn of the event loop reaches a connection as one chunk. */
  #wake(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#inTurns(this.#deliver(), () => {
        this.#flushing = false
      })
    })
  }

  /** Goes on with the work, a part of it in each turn of the event loop, and says when it is done. */
  #inTurns(work: Generator<void>, onDone: () => void = () => {}): void {
    let done = true
    try {
      done = work.next().done === true
    } catch (error) {
      this.#faults.report(error, { stage: 'deliver' })
    }
    if (done) onDone()
    else this.#clock.after(0, () => this.#inTurns(work, onDone))
  }

  /** Offers what is new, until nothing is; yields when others should have their turn. */
  *#deliver(): Generator<void> {
    let served = 0
    while (this.#delivered < this.#log.head) {
      const { head } = this.#log
      const batch = new Batch(this.#log, this.#delivered, this.#clock.now(), (stream) =>
        this.crowd.has(stream),
      )
      const endSpans =
        this.#tracing && traceDelivery(this.#tracing, batch.traced, (of) => this.crowd.listeners(of))
      for (const audience of this.crowd.concerned(batch)) {
        const chunk = batch.chunk(audience)
        // A Set may change while it is walked: who joins later stands past this batch already.
        for (const connection of audience.connections) {
          try {
            if (connection.offer(batch, chunk)) this.#putBehind(connection)
          } catch (error) {
            this.#break(connection, error)
          }
          served += 1
          if (served % GO_SIZE === 0) yield
        }
      }
      endSpans?.()
      this.#delivered = batch.to
      // It was too much for one batch. The sinks, too, need the turn: who has taken one chunk asks for the next.
      if (batch.to < head) yield
    }
  }

  #putBehind(connection: Connection): void {
    this.#behind.push(connection)
    if (this.#isCatchingUp) return
    this.#isCatchingUp = true
    queueMicrotask(() => this.#catchUp())
  }

  /** A few slices in a turn, however many ask: those who come back all at once must not hold up what is live. */
  #catchUp(): void {
    for (let slices = 0; slices < SLICES && this.#behind.length > 0; ) {
      const connection = this.#behind.shift() as Connection
      if (!this.#connections.has(connection)) continue
      slices += 1
      try {
        if (connection.catchUp()) this.#behind.push(connection)
      } catch (error) {
        this.#break(connection, error)
      }
    }
    this.#clock.after(0, () => {
      this.#isCatchingUp = this.#behind.length > 0
      if (this.#isCatchingUp) this.#catchUp()
    })
  }

  #heartbeat(connections: Iterable<Connection>): void {
    const now = this.#clock.now()
    const frames = new Map<number, Uint8Array>()
    const frameAt = (index: number) => {
      let frame = frames.get(index)
      if (frame === undefined) {
        const id = this.#log.history ? printPosition(this.#log.positionAt(index, now)) : undefined
        frame = encoder.encode(positionFrame(id))
        frames.set(index, frame)
      }
      return frame
    }
    for (const connection of connections) {
      try {
        if (connection.isStalled(this.#patience)) this.#cut(connection)
        else connection.heartbeat(this.#delivered, frameAt)
      } catch (error) {
        this.#break(connection, error)
      }
    }
  }
}
