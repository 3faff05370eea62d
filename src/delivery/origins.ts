/** Where connections come from, and how many there are. */
export interface Origin {
  readonly address: string
  connections: number
}

/** The client addresses that have connections here. */
export class Origins {
  readonly #origins = new Map<string, Origin>()

  /** It is remembered as soon as a connection joins. */
  of(address: string): Origin {
    return this.#origins.get(address) ?? { address, connections: 0 }
  }

  join(origin: Origin): void {
    const known = this.#origins.get(origin.address)
    if (known === undefined) this.#origins.set(origin.address, origin)
    ;(known ?? origin).connections += 1
  }

  leave({ address }: Origin): void {
    const known = this.#origins.get(address)
    if (known === undefined) return
    known.connections -= 1
    if (known.connections === 0) this.#origins.delete(address)
  }
}
