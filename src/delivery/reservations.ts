import type { AddressCount, ConnectionsPerAddress } from './connections-per-address.ts'

/** How long a reservation holds its room while nothing reads the response, in milliseconds. */
const UNREAD_MS = 10_000

/** Room for one connection. It is taken at admission, and given back when the response ends before it became a connection. */
export class Reservation {
  readonly address: AddressCount | undefined
  /** Empty while `authorize` is pending: it may grant other streams than the requested ones. */
  streams: readonly string[] = []
  /** When the room is given back though the response has not ended; undefined while `authorize` is pending. */
  expiresAt: number | undefined
  readonly #owner: Reservations

  constructor(owner: Reservations, address: AddressCount | undefined) {
    this.#owner = owner
    this.address = address
  }

  /** Gives the room back; false where that has happened before. */
  release(): boolean {
    return this.#owner.remove(this)
  }
}

/**
 * Reservations of requests that may become connections. A response that the app drops unread reports no end, so a
 * reservation that was granted expires. Expired ones are removed at the next request: a timer for them would keep a
 * dropped response alive.
 */
export class Reservations {
  readonly #pending = new Set<Reservation>()
  /** Granted reservations, in the order in which they expire. */
  readonly #granted = new Set<Reservation>()
  readonly #addresses: ConnectionsPerAddress
  readonly #streams = new Map<string, number>()
  readonly #hasConnection: (stream: string) => boolean
  /** Reserved streams on which no connection is open. */
  newStreams = 0

  constructor(addresses: ConnectionsPerAddress, hasConnection: (stream: string) => boolean) {
    this.#addresses = addresses
    this.#hasConnection = hasConnection
  }

  get size(): number {
    return this.#pending.size + this.#granted.size
  }

  has(stream: string): boolean {
    return this.#streams.has(stream)
  }

  /** Reserves room for a connection from `address`, on streams that {@link grant} decides. */
  add(address: AddressCount | undefined): Reservation {
    const reservation = new Reservation(this, address)
    this.#pending.add(reservation)
    if (address !== undefined) this.#addresses.add(address)
    return reservation
  }

  /** Reserves the streams, too. From now on the reservation expires. */
  grant(reservation: Reservation, streams: readonly string[], now: number): void {
    if (!this.#pending.delete(reservation)) return
    this.#granted.add(reservation)
    reservation.streams = streams
    reservation.expiresAt = now + UNREAD_MS
    for (const stream of streams) {
      const count = this.#streams.get(stream) ?? 0
      this.#streams.set(stream, count + 1)
      if (count === 0 && !this.#hasConnection(stream)) this.newStreams += 1
    }
  }

  remove(reservation: Reservation): boolean {
    if (!this.#pending.delete(reservation) && !this.#granted.delete(reservation)) return false
    if (reservation.address !== undefined) this.#addresses.remove(reservation.address)
    for (const stream of reservation.streams) {
      const count = (this.#streams.get(stream) ?? 0) - 1
      if (count > 0) this.#streams.set(stream, count)
      else {
        this.#streams.delete(stream)
        if (!this.#hasConnection(stream)) this.newStreams -= 1
      }
    }
    return true
  }

  /** Removes the reservations whose time is over. */
  expire(now: number): void {
    for (const reservation of this.#granted) {
      if ((reservation.expiresAt as number) > now) return
      this.remove(reservation)
    }
  }

  /** The first connection on `stream` was opened (1), or the last one closed (-1). */
  onConnections(stream: string, change: 1 | -1): void {
    if (this.#streams.has(stream)) this.newStreams -= change
  }
}
