import type { Clock } from '../clock.ts'
import { Deque } from '../log/deque.ts'
import type { Connection } from './connection.ts'

/** Maximum number of slices of the log that one turn of the event loop reads. */
const MAX_SLICES = 4
/** A turn that has taken this long reads no further slice, in milliseconds, because live events wait behind it. */
const TURN_MS = 0.5

export interface CatchUpQueueOptions {
  clock: Clock
  /** Returns whether a connection is still open or closing. */
  isServed(connection: Connection): boolean
  /** A connection has read up to its close index. */
  onReadyToClose(connection: Connection): void
  /** A connection's sink threw. */
  onError(connection: Connection, error: unknown): void
}

/** Round-robin queue of the connections that are behind; each one reads its next slice of the log in turn. */
export class CatchUpQueue {
  readonly #options: CatchUpQueueOptions
  readonly #queue = new Deque<Connection>()
  #isRunning = false

  constructor(options: CatchUpQueueOptions) {
    this.#options = options
  }

  push(connection: Connection): void {
    this.#queue.push(connection)
    if (this.#isRunning) return
    this.#isRunning = true
    queueMicrotask(() => this.#turn())
  }

  /** Reads a bounded number of slices, so that a mass of reconnections does not delay live events. */
  #turn(): void {
    const { clock } = this.#options
    const end = clock.now() + TURN_MS
    for (let slices = 0; slices < MAX_SLICES && this.#queue.length > 0; ) {
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
      else if (connection.canClose) this.#options.onReadyToClose(connection)
    } catch (error) {
      this.#options.onError(connection, error)
    }
  }
}
