import type { RunEndState } from '../wire/runs.ts'
import type { GapReason } from '../wire/sse-frame.ts'

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

/** Counters of runs since the start of the process, over all incarnations. */
export class RunCounts {
  /** Runs that were started on this Pod. */
  started = 0
  /** Runs of this Pod that have ended, by state. */
  readonly ended: Record<RunEndState, number> = { ended: 0, failed: 0, cancelled: 0 }
  /** Runs of this Pod that ended because another Pod had started the name. */
  superseded = 0
  /** Chunks that connections received, counted once for each connection. */
  delivered = 0
  /** Times that the memory limit took chunks from this Pod's copies: of runs that have ended or are held elsewhere, or of running ones. */
  readonly evictions: Record<'spare' | 'running', number> = { spare: 0, running: 0 }
  /** Runs of other Pods that this Pod has judged to be interrupted, and to be lost. */
  interrupted = 0
  lost = 0
  /** Calls of `cancelRun()` on this Pod, by outcome. */
  readonly cancels: Record<'cancelled' | 'not-running' | 'unreachable', number> = {
    cancelled: 0,
    'not-running': 0,
    unreachable: 0,
  }
  /** Questions to the peers for names and ids that this Pod does not know. */
  asks = 0
}

/** Counts of the exchanges with peers, over all incarnations. */
export class ExchangeCounts {
  /** Open exchanges that this Pod opened. */
  opened = 0
  /** Open exchanges that it accepted. */
  accepted = 0
  /** Exchanges that were not opened, or broke off, so that a link went back to single requests. */
  fallbacks = 0
  /** Text of messages that was written, in UTF-16 units, which are bytes unless a text has other characters than those of ASCII. */
  sentBytes = 0
  receivedBytes = 0
}

/** How a request to a peer ended: with a 2xx, with another status, or without an answer. */
type RequestOutcome = 'ok' | 'refused' | 'failed'

/** Numbers that a chunk or slice adds to the counters. */
export interface DeliveryCounts {
  events: number
  /** Reasons of the gaps; undefined without a gap, to save memory. */
  gaps: readonly GapReason[] | undefined
}

/** Counters since the start of the process, over all incarnations. */
export class Counters {
  /** Connections that were opened, and that were closed. */
  opened = 0
  closed = 0
  /** Events that were sent on this Pod. */
  sent = 0
  /** Events that came from peers. */
  received = 0
  /** Deliveries: events times the connections that received them. */
  delivered = 0
  /** Deliveries of events that were sent before the connection was opened. */
  replayed = 0
  /** Subscriptions that were opened, and that were closed. */
  subscriptionsOpened = 0
  subscriptionsClosed = 0
  /** Events that subscriptions took. */
  subscriptionEvents = 0
  readonly gaps: Record<GapReason, number> = {
    trimmed: 0,
    'peer-loss': 0,
    'slow-client': 0,
    'unknown-id': 0,
    'legacy-peer': 0,
    'invalid-id': 0,
    superseded: 0,
  }
  readonly runs: RunCounts = new RunCounts()
  readonly requests: Record<RequestOutcome, number> = { ok: 0, refused: 0, failed: 0 }
  readonly peerRequests: PeerRequests = new PeerRequests()
  readonly exchanges: ExchangeCounts = new ExchangeCounts()
  /** Requests that repeated a failed one. */
  retries = 0
  /** Duration of answered requests to peers. */
  readonly latency: Histogram = new Histogram()
  /** Delay of the last periodic timer, in milliseconds: how long the event loop was blocked. */
  eventLoopLagMs = 0

  /** Counts a request to `peer` that took `ms` milliseconds; status 0: no response. */
  countRequest(peer: string, status: number, ms: number): void {
    this.requests[status === 0 ? 'failed' : status >= 200 && status < 300 ? 'ok' : 'refused'] += 1
    if (status !== 0) this.latency.add(ms)
    this.peerRequests.add(peer, status, ms)
  }

  /** Counts an event that a subscription took; a gap where it has a reason. */
  countItem(gap: GapReason | undefined): void {
    if (gap === undefined) this.subscriptionEvents += 1
    else this.gaps[gap] += 1
  }

  /** Counts the delivery of a chunk or slice to one connection. */
  countDelivery({ events, gaps }: DeliveryCounts): void {
    this.delivered += events
    if (gaps !== undefined) for (const reason of gaps) this.gaps[reason] += 1
  }
}
