import type { Clock } from '../clock.ts'
import { Deque } from '../log/deque.ts'
import type { Connection } from './connection.ts'

/** A turn of the event loop reads at most this number of slices of the log. */
const SLICES = 4
/** A turn that has taken this long reads no further slice, in milliseconds, because live events wait behind it. */
const TURN_MS = 0.5

export interface CatchUpOptions {
  clock: Clock
  /** Whether a connection is still to be served. */
  isServed(connection: Connection): boolean
  /** A connection has read up to its end. */
  onEnd(connection: Connection): void
  /** A connection's sink threw. */
  onError(connection: Connection, error: unknown): void
}

/** Connections that are behind, in the order in which each reads its next slice of the log. */
export class CatchUp {
  readonly #options: CatchUpOptions
  readonly #queue = new Deque<Connection>()
  #isRunning = false

  constructor(options: CatchUpOptions) {
    this.#options = options
  }

  push(connection: Connection): void {
    this.#queue.push(connection)
    if (this.#isRunning) return
    this.#isRunning = true
    queueMicrotask(() => this.#turn())
  }

  /** Reads a few slices, however many connections wait: a mass of reconnections must not delay live events. */
  #turn(): void {
    const { clock } = this.#options
    const end = clock.now() + TURN_MS
    for (let slices = 0; slices < SLICES && this.#queue.length > 0; ) {
      const connection = this.#queue.shift() as Connection
      if (!this.#options.isServed(connection)) continue
      slices += 1
      this.#read(connection)
      if (clock.now() >= end) break
    }
    clock.after(0, () => {
      this.#isRunning = this.#queue.length > 0
      if (this.#isRunning) this.#turn()
    })
  }

  #read(connection: Connection): void {
    try {
      if (connection.catchUp()) this.#queue.push(connection)
      else if (connection.isDone) this.#options.onEnd(connection)
    } catch (error) {
      this.#options.onError(connection, error)
    }
  }
}
