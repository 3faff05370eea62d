/** How long a reservation lasts while nothing reads the response, in milliseconds. */
const UNREAD_MS = 10_000

/** Capacity for one connection, from its admission until the connection opens or its response ends. */
export class Reservation {
  readonly address: AddressCount | undefined
  /** Empty while `authorize` is pending: it may grant other streams than the requested ones. */
  streams: readonly string[] = []
  /** When the reservation expires; undefined while `authorize` is pending. */
  expiresAt: number | undefined
  readonly #owner: Reservations

  constructor(owner: Reservations, address: AddressCount | undefined) {
    this.#owner = owner
    this.address = address
  }

  /** Returns false where it was released before. */
  release(): boolean {
    return this.#owner.remove(this)
  }
}

/**
 * Reservations of requests that may become connections. A granted reservation expires, because a response that the app drops
 * unread reports no end. The next request removes expired ones: a timer would keep dropped responses in memory.
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

  /** Reserves a connection from `address`; {@link grant} reserves its streams. */
  add(address: AddressCount | undefined): Reservation {
    const reservation = new Reservation(this, address)
    this.#pending.add(reservation)
    if (address !== undefined) this.#addresses.add(address)
    return reservation
  }

  /** Reserves the granted streams, and starts the time after which the reservation expires. */
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

  /** Removes expired reservations. */
  expire(now: number): void {
    for (const reservation of this.#granted) {
      if ((reservation.expiresAt as number) > now) return
      this.remove(reservation)
    }
  }

  /** Updates {@link newStreams} when the first connection on `stream` opens (1) or the last one closes (-1). */
  onConnections(stream: string, change: 1 | -1): void {
    if (this.#streams.has(stream)) this.newStreams -= change
  }
}

/** A client address and the number of its connections. Connections from one address share it, and its text. */
export interface AddressCount {
  readonly address: string
  connections: number
}

/** Counts connections by client address. */
export class ConnectionsPerAddress {
  readonly #counts = new Map<string, AddressCount>()

  /** The count of `address`; the first {@link add} stores it. */
  of(address: string): AddressCount {
    return this.#counts.get(address) ?? { address, connections: 0 }
  }

  add(count: AddressCount): void {
    const stored = this.#counts.get(count.address)
    if (stored === undefined) this.#counts.set(count.address, count)
    ;(stored ?? count).connections += 1
  }

  remove({ address }: AddressCount): void {
    const stored = this.#counts.get(address)
    if (stored === undefined) return
    stored.connections -= 1
    if (stored.connections === 0) this.#counts.delete(address)
  }
}

/** Tags, expiry and address of a connection, as granted beside its streams. */
export interface ConnectionGrant {
  /** Tags by which `disconnect({ tag })` selects the connection. */
  tags: readonly string[]
  /** When the connection ends, in this Pod's time. */
  endsAt: number | undefined
  /** Why it ends then. */
  endReason: 'expired' | 'max-age'
  /** The client's address, where connections are counted by address. */
  address: AddressCount | undefined
}
