import type { Peer } from './peer.ts'

/**
 * The latest list of peers, for a finder whose source changes. Who reads slowly misses what was in between, and
 * never makes the source wait; nobody is told of a list that is the same set.
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

  /** Ends whatever reads. */
  end(): void {
    this.#hasEnded = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Peer[], undefined> {
    let told = this.#first
    while (!this.#hasEnded) {
      if (this.#key !== told) {
        told = this.#key
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

/** Two lists of the same peers have the same key, in whatever order they are. */
function keyOf(peers: readonly Peer[]): string {
  const keys = peers.map(({ address, port, uid, ready, terminating }) =>
    JSON.stringify([address, port, uid, ready, terminating]),
  )
  return JSON.stringify(keys.sort())
}
