/** Requests of which it is not decided yet whether they may become connections, and where they come from. */
export class Judged {
  readonly #addresses = new Map<string, number>()
  /** All of them, also those whose address is not counted. */
  size = 0

  from(address: string): number {
    return this.#addresses.get(address) ?? 0
  }

  join(address: string | undefined): void {
    this.size += 1
    if (address !== undefined) this.#addresses.set(address, this.from(address) + 1)
  }

  leave(address: string | undefined): void {
    this.size -= 1
    if (address === undefined) return
    const left = this.from(address) - 1
    if (left === 0) this.#addresses.delete(address)
    else this.#addresses.set(address, left)
  }
}
