import { type Clock, pause } from '../clock.ts'
import type { Faults } from '../faults.ts'
import { positionFrame } from '../wire/frame.ts'
import { printPosition } from '../wire/position.ts'
import { Batch } from './batch.ts'
import type { Connection } from './connection.ts'
import type { Log } from './log.ts'

/** Connections served in one go; the event loop turns between goes. */
const GO_SIZE = 1_000
/** Heartbeats are spread over so many beats, so that they never come all at once. */
const BEATS = 15

/** How often some of the connections end while the Pod drains. */
const WAVE_MS = 100

const encoder = new TextEncoder()

/** Who listens on what on this Pod, and the one flush that brings new events to all of them. */
export class Hub {
  readonly #log: Log
  readonly #clock: Clock
  readonly #faults: Faults
  readonly #heartbeatMs: number
  readonly #streams = new Map<string, Set<Connection>>()
  readonly #beats: readonly Set<Connection>[] = Array.from({ length: BEATS }, () => new Set<Connection>())
  #size = 0
  #beat = 0
  #joins = 0
  #cancelBeat: (() => void) | undefined
  /** Every connection was offered everything before this index of the log. */
  #delivered: number
  #flushing = false
  #isClosed = false

  constructor(options: { log: Log; clock: Clock; faults: Faults; heartbeatMs: number }) {
    this.#log = options.log
    this.#clock = options.clock
    this.#faults = options.faults
    this.#heartbeatMs = options.heartbeatMs
    this.#delivered = options.log.head
    options.log.onAppend = () => this.#wake()
  }

  /** Open connections. */
  get size(): number {
    return this.#size
  }

  /** Streams that somebody listens on here. */
  get streams(): Iterable<string> {
    return this.#streams.keys()
  }

  /** Connections that listen on `stream` here. */
  listeners(stream: string): number {
    return this.#streams.get(stream)?.size ?? 0
  }

  /** Takes a connection in; one that comes after the end is ended at once. */
  join(connection: Connection): void {
    if (this.#isClosed) {
      this.#end(connection)
      return
    }
    for (const stream of connection.streams) {
      const listeners = this.#streams.get(stream)
      if (listeners === undefined) this.#streams.set(stream, new Set([connection]))
      else listeners.add(connection)
    }
    connection.beat = this.#joins++ % BEATS
    this.#beats[connection.beat]?.add(connection)
    this.#size += 1
    this.#cancelBeat ??= this.#clock.after(this.#heartbeatMs / BEATS, () => this.#heartbeat())
  }

  /** Takes a connection out; taking it out twice is no harm. */
  leave(connection: Connection): void {
    if (this.#beats[connection.beat]?.delete(connection) !== true) return
    for (const stream of connection.streams) {
      const listeners = this.#streams.get(stream)
      if (listeners?.delete(connection) && listeners.size === 0) this.#streams.delete(stream)
    }
    this.#size -= 1
    if (this.#size === 0) {
      this.#cancelBeat?.()
      this.#cancelBeat = undefined
    }
  }

  /**
   * Ends every connection, some every 100 ms, so that they do not all knock elsewhere at once; what is sent meanwhile
   * still reaches the others. Resolves after `ms` at the latest, or when none is left.
   */
  async drain(ms: number): Promise<void> {
    this.#isClosed = true
    const waveSize = Math.max(1, Math.ceil((this.#size * WAVE_MS) / ms))
    for (let left = waveSize; this.#size > 0; left = waveSize) {
      for (const connection of this.#connections()) {
        this.#end(connection)
        left -= 1
        if (left === 0) break
      }
      if (this.#size > 0) await pause(this.#clock, WAVE_MS)
    }
  }

  /** Ends every connection, now. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#connections()) this.#end(connection)
  }

  #end(connection: Connection): void {
    this.leave(connection)
    this.#serve(connection, () => connection.close(this.#clock.random()))
  }

  *#connections(): Generator<Connection> {
    for (const beat of this.#beats) yield* beat
  }

  /** A connection whose sink is broken is let go of; nobody else's delivery may end with it. */
  #serve(connection: Connection, serve: () => void): void {
    try {
      serve()
    } catch (error) {
      this.leave(connection)
      this.#faults.report(error, { stage: 'deliver' })
    }
  }

  /** Everything that is appended in one turn of the event loop reaches a connection as one chunk. */
  #wake(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => this.#flush(this.#deliver()))
  }

  #flush(work: Generator<void>): void {
    let done = true
    try {
      done = work.next().done === true
    } catch (error) {
      this.#faults.report(error, { stage: 'deliver' })
    }
    if (done) this.#flushing = false
    else this.#clock.after(0, () => this.#flush(work))
  }

  /** Offers what is new, until nothing is; yields when others should have their turn. */
  *#deliver(): Generator<void> {
    let served = 0
    while (this.#delivered < this.#log.head) {
      const batch = new Batch(this.#log, this.#delivered, this.#clock.now(), (stream) =>
        this.#streams.has(stream),
      )
      // A Set may change while it is walked: who joins later stands past this batch already.
      for (const connection of this.#concerned(batch)) {
        this.#serve(connection, () => connection.offer(batch))
        served += 1
        if (served % GO_SIZE === 0) yield
      }
      this.#delivered = batch.to
    }
  }

  *#concerned(batch: Batch): Generator<Connection> {
    if (batch.streams === undefined) {
      yield* this.#connections()
      return
    }
    for (const stream of batch.streams) {
      const listeners = this.#streams.get(stream)
      if (listeners !== undefined) yield* listeners
    }
  }

  #heartbeat(): void {
    this.#cancelBeat = this.#clock.after(this.#heartbeatMs / BEATS, () => this.#heartbeat())
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
    for (const connection of this.#beats[this.#beat] as Set<Connection>) {
      this.#serve(connection, () => connection.heartbeat(this.#delivered, frameAt))
    }
    this.#beat = (this.#beat + 1) % BEATS
  }
}
