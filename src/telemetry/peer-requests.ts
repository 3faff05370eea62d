/** Maximum number of peers; the oldest is evicted first. */
const MAX_PEERS = 1_000

/** Requests to one peer that ended with one status. */
export interface PeerRequestStats {
  /** The peer, as `address:port`. */
  peer: string
  /** HTTP status; 0: no response. */
  status: number
  count: number
  /** Sum of their durations, in milliseconds. */
  sumMs: number
}

/** Counts requests by peer and status. */
export class PeerRequests {
  readonly #byPeer = new Map<string, Map<number, PeerRequestStats>>()

  add(peer: string, status: number, ms: number): void {
    let byStatus = this.#byPeer.get(peer)
    if (byStatus === undefined) {
      byStatus = new Map()
      this.#byPeer.set(peer, byStatus)
      const [oldest] = this.#byPeer.keys()
      if (this.#byPeer.size > MAX_PEERS && oldest !== undefined) this.#byPeer.delete(oldest)
    }
    const requests = byStatus.get(status) ?? { peer, status, count: 0, sumMs: 0 }
    requests.count += 1
    requests.sumMs += ms
    byStatus.set(status, requests)
  }

  list(): PeerRequestStats[] {
    return [...this.#byPeer.values()].flatMap((byStatus) =>
      Array.from(byStatus.values(), (requests) => ({ ...requests })),
    )
  }
}

/** Upper bounds of the buckets, in milliseconds; one more bucket has the longer durations. */
const BOUNDS_MS: readonly number[] = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000]

/** Durations in fixed buckets. */
export class Histogram {
  readonly boundsMs: readonly number[] = BOUNDS_MS
  /** Number of durations in each bucket, not cumulative; the last bucket has the durations above every bound. */
  readonly counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0)
  sumMs = 0

  add(ms: number): void {
    const index = BOUNDS_MS.findIndex((bound) => ms <= bound)
    this.counts[index === -1 ? BOUNDS_MS.length : index]! += 1
    this.sumMs += ms
  }
}
