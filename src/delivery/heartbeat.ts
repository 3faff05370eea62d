import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'

/** Heartbeats are spread over so many beats, so that they never come all at once. */
const BEATS = 15

/** The wheel that every connection rides on: one timer for all of them, and none while there are none. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #beat: (connections: Iterable<Connection>) => void
  readonly #beats: readonly Set<Connection>[] = Array.from({ length: BEATS }, () => new Set<Connection>())
  #size = 0
  #joins = 0
  #next = 0
  #cancel: (() => void) | undefined

  /** Calls `beat` with some of the connections, with each of them once in `heartbeatMs`. */
  constructor(clock: Clock, heartbeatMs: number, beat: (connections: Iterable<Connection>) => void) {
    this.#clock = clock
    this.#everyMs = heartbeatMs / BEATS
    this.#beat = beat
  }

  get size(): number {
    return this.#size
  }

  has(connection: Connection): boolean {
    return (this.#beats[connection.beat] as Set<Connection>).has(connection)
  }

  join(connection: Connection): void {
    connection.beat = this.#joins++ % BEATS
    this.#beats[connection.beat]?.add(connection)
    this.#size += 1
    this.#cancel ??= this.#clock.after(this.#everyMs, () => this.#turn())
  }

  /** False if it was not there. */
  leave(connection: Connection): boolean {
    if (this.#beats[connection.beat]?.delete(connection) !== true) return false
    this.#size -= 1
    if (this.#size === 0) {
      this.#cancel?.()
      this.#cancel = undefined
    }
    return true
  }

  *[Symbol.iterator](): Generator<Connection> {
    for (const beat of this.#beats) yield* beat
  }

  #turn(): void {
    this.#cancel = this.#clock.after(this.#everyMs, () => this.#turn())
    const connections = this.#beats[this.#next] as Set<Connection>
    this.#next = (this.#next + 1) % BEATS
    this.#beat(connections)
  }
}
