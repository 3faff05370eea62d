import type { Clock } from '../clock.ts'
import type { RetryReason } from '../wire/sse-frame.ts'
import type { Connection } from './connection.ts'

/** Time that a connection has to receive the events before its close index, in milliseconds. */
const CLOSE_TIMEOUT_MS = 10_000

/** When and why a connection closes. */
interface Closing {
  deadline: number
  reason: RetryReason
}

/** Connections that close as soon as they have received the events before their close index, at the latest after {@link CLOSE_TIMEOUT_MS}. */
export class ClosingConnections {
  readonly #clock: Clock
  readonly #onTimeout: (connection: Connection) => void
  /** The earliest deadline comes first. */
  readonly #closing = new Map<Connection, Closing>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, onTimeout: (connection: Connection) => void) {
    this.#clock = clock
    this.#onTimeout = onTimeout
  }

  get size(): number {
    return this.#closing.size
  }

  has(connection: Connection): boolean {
    return this.#closing.has(connection)
  }

  /** Why the connection closes; undefined where it is not one of these. */
  reasonOf(connection: Connection): RetryReason | undefined {
    return this.#closing.get(connection)?.reason
  }

  add(connection: Connection, reason: RetryReason): void {
    this.#closing.set(connection, { deadline: this.#clock.now() + CLOSE_TIMEOUT_MS, reason })
    this.#cancel ??= this.#clock.after(CLOSE_TIMEOUT_MS, () => this.#closeLate())
  }

  delete(connection: Connection): void {
    if (!this.#closing.delete(connection) || this.#closing.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#closing.keys()
  }

  #closeLate(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (const [connection, { deadline }] of this.#closing) {
      if (deadline > now) {
        this.#cancel = this.#clock.after(deadline - now, () => this.#closeLate())
        return
      }
      this.#onTimeout(connection)
      this.#closing.delete(connection)
    }
  }
}
