import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'

/** Time that a connection has to receive the events before its close index, in milliseconds. */
const CLOSE_TIMEOUT_MS = 10_000

/** Connections that close as soon as they have received the events before their close index, at the latest after {@link CLOSE_TIMEOUT_MS}. */
export class ClosingConnections {
  readonly #clock: Clock
  readonly #onTimeout: (connection: Connection) => void
  /** The earliest deadline comes first. */
  readonly #deadlines = new Map<Connection, number>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, onTimeout: (connection: Connection) => void) {
    this.#clock = clock
    this.#onTimeout = onTimeout
  }

  get size(): number {
    return this.#deadlines.size
  }

  has(connection: Connection): boolean {
    return this.#deadlines.has(connection)
  }

  add(connection: Connection): void {
    this.#deadlines.set(connection, this.#clock.now() + CLOSE_TIMEOUT_MS)
    this.#cancel ??= this.#clock.after(CLOSE_TIMEOUT_MS, () => this.#closeLate())
  }

  delete(connection: Connection): void {
    if (!this.#deadlines.delete(connection) || this.#deadlines.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#deadlines.keys()
  }

  #closeLate(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (const [connection, deadline] of this.#deadlines) {
      if (deadline > now) {
        this.#cancel = this.#clock.after(deadline - now, () => this.#closeLate())
        return
      }
      this.#deadlines.delete(connection)
      this.#onTimeout(connection)
    }
  }
}
