import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'

/** Time that a connection has for the events before its end, in milliseconds. */
const LIMIT_MS = 10_000

/** Connections that are to end as soon as they were sent the events before their end, or after {@link LIMIT_MS}. */
export class Endings {
  readonly #clock: Clock
  readonly #onLate: (connection: Connection) => void
  /** When the time of each is over, the first one first. */
  readonly #deadlines = new Map<Connection, number>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, onLate: (connection: Connection) => void) {
    this.#clock = clock
    this.#onLate = onLate
  }

  get size(): number {
    return this.#deadlines.size
  }

  has(connection: Connection): boolean {
    return this.#deadlines.has(connection)
  }

  add(connection: Connection): void {
    this.#deadlines.set(connection, this.#clock.now() + LIMIT_MS)
    this.#cancel ??= this.#clock.after(LIMIT_MS, () => this.#turn())
  }

  delete(connection: Connection): void {
    if (!this.#deadlines.delete(connection) || this.#deadlines.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#deadlines.keys()
  }

  #turn(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (const [connection, deadline] of this.#deadlines) {
      if (deadline > now) {
        this.#cancel = this.#clock.after(deadline - now, () => this.#turn())
        return
      }
      this.#deadlines.delete(connection)
      this.#onLate(connection)
    }
  }
}
