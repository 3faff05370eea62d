import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { Selection } from '../log/selection.ts'
import { type Audience, Audiences } from './audience.ts'
import type { Batch } from './batch.ts'
import type { Connection } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import { Groups } from './groups.ts'
import { Judged } from './judged.ts'
import { Origins } from './origins.ts'

/** How many there may be. */
export interface CrowdLimits {
  maxConnections: number
  maxConnectionsPerAddress: number
  /** Streams that somebody listens on. */
  maxStreams: number
}

const NOBODY = new Judged()

/** Who is connected here, on which streams, from where, with which tags, and until when. */
export class Crowd {
  /** Where the connections come from, as far as that is counted. */
  readonly origins: Origins = new Origins()
  /** Those of whom it is not decided yet whether they may be here. */
  readonly judged: Judged = new Judged()
  readonly #audiences = new Audiences()
  readonly #tags = new Groups<string>()
  readonly #deadlines: Deadlines
  readonly #limits: CrowdLimits
  #size = 0

  /** Calls `end` with those whose time has come. */
  constructor(clock: Clock, limits: CrowdLimits, end: (connections: Iterable<Connection>) => void) {
    this.#limits = limits
    this.#deadlines = new Deadlines(clock, end)
  }

  /** Streams that somebody listens on here. */
  get streams(): Iterable<string> {
    return this.#audiences.streams
  }

  /** How many streams that are. */
  get streamCount(): number {
    return this.#audiences.streamCount
  }

  /** Whether anybody listens on `stream`. */
  has(stream: string): boolean {
    return this.#audiences.has(stream)
  }

  /** Connections that listen on `stream` here. */
  listeners(stream: string): number {
    return this.#audiences.listeners(stream)
  }

  /** Those who listen on the same streams. */
  audience(streams: readonly string[]): Audience {
    return this.#audiences.of(streams)
  }

  /** Those whom something in the batch concerns. */
  concerned(batch: Batch): Iterable<Audience> {
    return this.#audiences.affectedBy(batch)
  }

  join(connection: Connection): void {
    this.#size += 1
    this.#audiences.add(connection)
    for (const tag of connection.terms?.tags ?? []) this.#tags.join(tag, connection)
    this.#deadlines.join(connection)
    if (connection.terms?.origin !== undefined) this.origins.join(connection.terms.origin)
  }

  leave(connection: Connection): void {
    this.#size -= 1
    this.#audiences.remove(connection)
    for (const tag of connection.terms?.tags ?? []) this.#tags.leave(tag, connection)
    this.#deadlines.leave(connection)
    if (connection.terms?.origin !== undefined) this.origins.leave(connection.terms.origin)
  }

  /** Those who are meant. */
  *selected({ stream, tag }: Selection): Generator<Connection> {
    if (tag === undefined) {
      if (stream !== undefined) yield* this.#audiences.on(stream)
      return
    }
    for (const connection of this.#tags.of(tag))
      if (stream === undefined || connection.audience.streams.includes(stream)) yield connection
  }

  /** Why there is no room for one more connection, beside these and those that are `judged`; undefined where there is. */
  crowding(
    streams: readonly string[],
    address: string | undefined,
    judged: Judged = NOBODY,
  ): SserError | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxStreams } = this.#limits
    if (this.#size + judged.size >= maxConnections)
      return new SserError('too-many-connections', `This Pod takes ${maxConnections} connections`)
    if (
      address !== undefined &&
      this.origins.of(address).connections + judged.from(address) >= maxConnectionsPerAddress
    )
      return new SserError(
        'too-many-connections-from-address',
        `This Pod takes ${maxConnectionsPerAddress} connections from one address`,
      )
    const known = this.#audiences.streamCount
    if (known + streams.length <= maxStreams) return undefined
    const added = streams.filter((stream) => !this.#audiences.has(stream)).length
    if (added === 0 || known + added <= maxStreams) return undefined
    return new SserError('too-many-streams', `Clients of this Pod listen on ${maxStreams} streams at most`)
  }
}
