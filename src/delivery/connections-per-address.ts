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
