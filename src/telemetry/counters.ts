import type { GapReason } from '../wire/sse-frame.ts'
import { ExchangeCounts } from './exchange-counts.ts'
import { Histogram, PeerRequests } from './peer-requests.ts'
import { RunCounts } from './run-counts.ts'

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
