import type { GapReason } from '../wire/frame.ts'
import { Histogram } from './histogram.ts'
import { PeerRequests } from './peer-requests.ts'

/** How a request to a peer ended: with a 2xx, with another status, or without an answer. */
type RequestOutcome = 'ok' | 'refused' | 'failed'

/** What chunks and slices carry beside their bytes: how much of it counts. */
export interface DeliveryCounts {
  events: number
  /** Why, of each gap that is told; undefined where there is none, as nearly always. */
  gaps: readonly GapReason[] | undefined
}

/** What this Pod did since it began, in all its incarnations: plain numbers, bumped where it is done. */
export class Counters {
  /** Connections that joined, and that left. */
  opened = 0
  closed = 0
  /** Events that were sent here. */
  sent = 0
  /** Events that came from peers. */
  received = 0
  /** Events times the connections that got them. */
  delivered = 0
  /** Those among them that were sent before their connection was opened. */
  replayed = 0
  readonly gaps: Record<GapReason, number> = {
    trimmed: 0,
    'peer-loss': 0,
    'slow-client': 0,
    'unknown-id': 0,
    'legacy-peer': 0,
    'invalid-id': 0,
  }
  readonly requests: Record<RequestOutcome, number> = { ok: 0, refused: 0, failed: 0 }
  readonly peerRequests: PeerRequests = new PeerRequests()
  /** Requests that were made because one before them had failed. */
  retries = 0
  /** How long requests to peers took that were answered. */
  readonly latency: Histogram = new Histogram()
  /** Delay of the last periodic timer, in milliseconds: how long the event loop was blocked. */
  eventLoopLagMs = 0

  /** A request to `peer` ended so, after `ms` milliseconds; the status 0: it was not answered. */
  countRequest(peer: string, status: number, ms: number): void {
    this.requests[status === 0 ? 'failed' : status >= 200 && status < 300 ? 'ok' : 'refused'] += 1
    if (status !== 0) this.latency.add(ms)
    this.peerRequests.add(peer, status, ms)
  }

  /** What one connection was given. */
  countDelivery({ events, gaps }: DeliveryCounts): void {
    this.delivered += events
    if (gaps !== undefined) for (const reason of gaps) this.gaps[reason] += 1
  }
}
