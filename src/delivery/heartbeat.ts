import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'

/** Number of slots that spread the heartbeats of all connections over one period. */
const SLOTS = 15

/** Timing wheel of the open connections: one timer for all of them, and no timer without connections. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #stepMs: number
  readonly #beat: (connections: Iterable<Connection>) => void
  readonly #slots: readonly Set<Connection>[] = Array.from({ length: SLOTS }, () => new Set<Connection>())
  #size = 0
  #added = 0
  #next = 0
  #cancel: (() => void) | undefined

  /** Calls `beat` with the connections of one slot at a time, so with each connection once in `heartbeatMs`. */
  constructor(clock: Clock, heartbeatMs: number, beat: (connections: Iterable<Connection>) => void) {
    this.#clock = clock
    this.#stepMs = heartbeatMs / SLOTS
    this.#beat = beat
  }

  get size(): number {
    return this.#size
  }

  has(connection: Connection): boolean {
    return (this.#slots[connection.slot] as Set<Connection>).has(connection)
  }

  add(connection: Connection): void {
    connection.slot = this.#added++ % SLOTS
    this.#slots[connection.slot]?.add(connection)
    this.#size += 1
    this.#cancel ??= this.#clock.after(this.#stepMs, () => this.#turn())
  }

  /** Returns false if the connection was not there. */
  remove(connection: Connection): boolean {
    if (this.#slots[connection.slot]?.delete(connection) !== true) return false
    this.#size -= 1
    if (this.#size === 0) {
      this.#cancel?.()
      this.#cancel = undefined
    }
    return true
  }

  *[Symbol.iterator](): Generator<Connection> {
    for (const slot of this.#slots) yield* slot
  }

  #turn(): void {
    this.#cancel = this.#clock.after(this.#stepMs, () => this.#turn())
    const connections = this.#slots[this.#next] as Set<Connection>
    this.#next = (this.#next + 1) % SLOTS
    this.#beat(connections)
  }
}
