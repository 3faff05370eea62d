import { type Clock, runYielding } from '../clock.ts'
import { YIELD_EVERY } from './batch-delivery.ts'
import type { Connection } from './connection.ts'

export interface LiveQueueOptions {
  clock: Clock
  /** Writes what is new to a connection. */
  serve(connection: Connection): void
  onError(error: unknown): void
}

/**
 * Connections that have something new outside the log, in the order in which they learned of it: all that comes in one turn of
 * the event loop is one write for each of them.
 */
export class LiveQueue {
  readonly #options: LiveQueueOptions
  #queue: Connection[] = []
  #isRunning = false

  constructor(options: LiveQueueOptions) {
    this.#options = options
  }

  push(connection: Connection): void {
    this.#queue.push(connection)
    if (this.#isRunning) return
    this.#isRunning = true
    const { clock, onError } = this.#options
    queueMicrotask(() => runYielding(clock, this.#serve(), onError, () => this.#onDone()))
  }

  *#serve(): Generator<void> {
    let served = 0
    while (this.#queue.length > 0) {
      const queue = this.#queue
      this.#queue = []
      for (const connection of queue) {
        this.#options.serve(connection)
        served += 1
        if (served % YIELD_EVERY === 0) yield
      }
    }
  }

  #onDone(): void {
    this.#isRunning = false
  }
}
