import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { ConnectionSelector } from '../log/entry.ts'
import type { FrameFormat } from '../wire/sse-frame.ts'
import { type Audience, Audiences, type Listeners } from './audience.ts'
import type { Connection } from './connection.ts'
import { ConnectionsPerAddress, type Reservation, Reservations } from './reservations.ts'
import { StreamConnection } from './stream-connection.ts'

export interface ConnectionLimits {
  maxConnections: number
  maxConnectionsPerAddress: number
  /** Streams on which connections are open. */
  maxStreams: number
}

/** The open connections of this Pod, by stream, tag, address and deadline, and the limits of their number. */
export class ConnectionRegistry {
  readonly #clock: Clock
  readonly #limits: ConnectionLimits
  readonly #audiences = new Audiences()
  readonly #tags = new ConnectionsByKey<string>()
  readonly #deadlines: Deadlines
  /** Connections and reservations. */
  readonly #addresses = new ConnectionsPerAddress()
  readonly #reservations: Reservations
  #size = 0

  /** Calls `onDeadline` with connections that have outlived their granted time. */
  constructor(
    clock: Clock,
    limits: ConnectionLimits,
    onDeadline: (connections: Iterable<Connection>) => void,
  ) {
    this.#clock = clock
    this.#limits = limits
    this.#deadlines = new Deadlines(clock, onDeadline)
    this.#reservations = new Reservations(this.#addresses, (stream) => this.#audiences.has(stream))
  }

  /** Streams on which connections are open. */
  get streams(): Iterable<string> {
    return this.#audiences.streams
  }

  /** Number of {@link streams}. */
  get streamCount(): number {
    return this.#audiences.streamCount
  }

  /** Number of requests that may become connections. */
  get reservationCount(): number {
    return this.#reservations.size
  }

  /** Returns whether a connection is open on `stream`. */
  has(stream: string): boolean {
    return this.#audiences.has(stream)
  }

  /** The listeners of `stream`; undefined: it has no connection. */
  get(stream: string): Listeners | undefined {
    return this.#audiences.get(stream)
  }

  /** Number of connections on `stream`. */
  listeners(stream: string): number {
    return this.#audiences.listeners(stream)
  }

  /** The audience of the connections with exactly these streams and this format. */
  audience(streams: readonly string[], format: FrameFormat): Audience {
    return this.#audiences.of(streams, format)
  }

  /** Every audience. */
  get audiences(): Iterable<Audience> {
    return this.#audiences.all
  }

  /**
   * Reserves a connection from `address`, before `authorize` is called for `streams`.
   * @throws SserError `too-many-connections`, `too-many-connections-from-address` or `too-many-streams`.
   */
  reserve(streams: readonly string[], address: string | undefined): Reservation {
    this.#reservations.expire(this.#clock.now())
    const count = address === undefined ? undefined : this.#addresses.of(address)
    const error = this.#capacityError(count?.connections) ?? this.#streamsError(streams)
    if (error !== undefined) throw error
    return this.#reservations.add(count)
  }

  /**
   * Reserves the granted streams as well. The reservation lasts until {@link add}, until its response ends, or for 10 s.
   * @throws SserError `too-many-streams`, and releases the reservation.
   */
  grant(reservation: Reservation, streams: readonly string[]): void {
    const error = this.#streamsError(streams)
    if (error !== undefined) {
      reservation.release()
      throw error
    }
    this.#reservations.grant(reservation, streams, this.#clock.now())
  }

  /** Adds a connection in place of its reservation. Returns an error where that has expired and a limit is reached. */
  add(connection: Connection, reservation?: Reservation): SserError | undefined {
    const { streams, grant } = connection
    if (reservation?.release() !== true) {
      const fromAddress = grant?.address && this.#addresses.of(grant.address.address).connections
      const error = this.#capacityError(fromAddress) ?? this.#streamsError(streams)
      if (error !== undefined) return error
    }
    this.#size += 1
    for (const stream of streams) if (!this.has(stream)) this.#reservations.onConnections(stream, 1)
    if (connection instanceof StreamConnection) this.#audiences.add(connection)
    for (const tag of grant?.tags ?? []) this.#tags.add(tag, connection)
    this.#deadlines.add(connection)
    if (grant?.address !== undefined) this.#addresses.add(grant.address)
    return undefined
  }

  remove(connection: Connection): void {
    const { streams, grant } = connection
    this.#size -= 1
    if (connection instanceof StreamConnection) this.#audiences.remove(connection)
    for (const stream of streams) if (!this.has(stream)) this.#reservations.onConnections(stream, -1)
    for (const tag of grant?.tags ?? []) this.#tags.remove(tag, connection)
    this.#deadlines.remove(connection)
    if (grant?.address !== undefined) this.#addresses.remove(grant.address)
  }

  /** Connections that the selector matches. */
  *matching({ stream, tag }: ConnectionSelector): Generator<Connection> {
    if (tag === undefined) {
      if (stream !== undefined) yield* this.#audiences.on(stream)
      return
    }
    for (const connection of this.#tags.of(tag))
      if (stream === undefined || connection.streams.includes(stream)) yield connection
  }

  /** The error of one more connection from an address that has `fromAddress` connections; undefined within the limits. */
  #capacityError(fromAddress: number | undefined): SserError | undefined {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    if (this.#size + this.#reservations.size >= maxConnections)
      return new SserError('too-many-connections', `This Pod takes ${maxConnections} connections`)
    if (fromAddress === undefined || fromAddress < maxConnectionsPerAddress) return undefined
    return new SserError(
      'too-many-connections-from-address',
      `This Pod takes ${maxConnectionsPerAddress} connections from one address`,
    )
  }

  /** The error of a connection on `streams`; undefined within the limit of streams. */
  #streamsError(streams: readonly string[]): SserError | undefined {
    const { maxStreams } = this.#limits
    const count = this.#audiences.streamCount + this.#reservations.newStreams
    if (count + streams.length <= maxStreams) return undefined
    const added = streams.filter((stream) => !this.has(stream) && !this.#reservations.has(stream)).length
    if (added === 0 || count + added <= maxStreams) return undefined
    return new SserError('too-many-streams', `Clients of this Pod listen on ${maxStreams} streams at most`)
  }
}

/** An index of connections by a key that several of them share. A key without connections takes no memory. */
class ConnectionsByKey<Key> {
  readonly #byKey = new Map<Key, Set<Connection>>()

  /** Number of keys. */
  get size(): number {
    return this.#byKey.size
  }

  of(key: Key): Iterable<Connection> {
    return this.#byKey.get(key) ?? []
  }

  keys(): Iterable<Key> {
    return this.#byKey.keys()
  }

  add(key: Key, connection: Connection): void {
    const connections = this.#byKey.get(key)
    if (connections === undefined) this.#byKey.set(key, new Set([connection]))
    else connections.add(connection)
  }

  remove(key: Key, connection: Connection): void {
    const connections = this.#byKey.get(key)
    connections?.delete(connection)
    if (connections?.size === 0) this.#byKey.delete(key)
  }
}

/** Deadlines are rounded up to a multiple of this, in milliseconds. */
const STEP_MS = 250

/** The connections with a deadline. They share one timer, which runs only while there are such connections. */
class Deadlines {
  readonly #clock: Clock
  readonly #onDeadline: (connections: Iterable<Connection>) => void
  readonly #byStep = new ConnectionsByKey<number>()
  #cancel: (() => void) | undefined

  /** Calls `onDeadline` with the connections past their deadline, at most twice {@link STEP_MS} late. */
  constructor(clock: Clock, onDeadline: (connections: Iterable<Connection>) => void) {
    this.#clock = clock
    this.#onDeadline = onDeadline
  }

  add(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    this.#byStep.add(step, connection)
    this.#cancel ??= this.#clock.after(STEP_MS, () => this.#check())
  }

  remove(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    this.#byStep.remove(step, connection)
    if (this.#byStep.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  #check(): void {
    this.#cancel = this.#clock.after(STEP_MS, () => this.#check())
    const now = this.#clock.now()
    for (const step of this.#byStep.keys())
      if (step * STEP_MS <= now) this.#onDeadline([...this.#byStep.of(step)])
  }
}

function stepOf({ grant }: Connection): number | undefined {
  return grant?.endsAt === undefined ? undefined : Math.ceil(grant.endsAt / STEP_MS)
}
