import type { Peer } from './peer-finder.ts'

/**
 * Latest list of peers of a finder with a changing source. A slow reader skips the lists in between and never blocks the
 * source; a list with the same peers is not yielded again.
 */
export class LatestPeers implements AsyncIterable<readonly Peer[]> {
  readonly #first: string
  readonly #wakes = new Set<() => void>()
  #peers: readonly Peer[]
  #key: string
  #hasEnded = false

  constructor(first: readonly Peer[]) {
    this.#peers = first
    this.#first = keyOf(first)
    this.#key = this.#first
  }

  get peers(): readonly Peer[] {
    return this.#peers
  }

  set(peers: readonly Peer[]): void {
    this.#peers = peers
    this.#key = keyOf(peers)
    this.#wake()
  }

  /** Ends every iteration. */
  end(): void {
    this.#hasEnded = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Peer[], undefined> {
    let yielded = this.#first
    while (!this.#hasEnded) {
      if (this.#key !== yielded) {
        yielded = this.#key
        yield this.#peers
      } else {
        await new Promise<void>((resolve) => this.#wakes.add(resolve))
      }
    }
  }

  #wake(): void {
    for (const wake of this.#wakes) wake()
    this.#wakes.clear()
  }
}

/** Key of a set of peers, independent of their order. */
function keyOf(peers: readonly Peer[]): string {
  const keys = peers.map(({ address, port, uid, ready, terminating }) =>
    JSON.stringify([address, port, uid, ready, terminating]),
  )
  return JSON.stringify(keys.sort())
}
