import type { Clock } from '../clock.ts'
import type { Hub } from '../delivery/hub.ts'
import type { PeerFinder, PeerFinderStatus } from '../discovery/peer-finder.ts'
import type { SserErrorCode } from '../errors.ts'
import type { Incarnation } from '../instance/incarnation.ts'
import type { SserState } from '../instance/lifecycle.ts'
import type { Subscriptions } from '../instance/subscriptions.ts'
import type { ResolvedOptions } from '../options.ts'
import type { PeerStatus } from '../replication/peer-status.ts'
import type { Counters, Histogram, PeerRequestStats } from '../telemetry/counters.ts'
import type { ErrorReporter, ErrorStage } from '../telemetry/error-reporter.ts'
import type { PeerCertificates } from '../transport/certificates.ts'
import type { RunEndState } from '../wire/runs.ts'
import type { GapReason } from '../wire/sse-frame.ts'

/** Options of `stats()`. */
export interface StatsOptions {
  /**
   * Number of streams to list, those with the most connections. Above 0, the call iterates over all streams.
   * @default 0
   */
  largestStreams?: number | undefined
}

/** A stream with at least one connection. */
export interface StreamStats {
  stream: string
  /** Connections on this stream at this Pod. */
  connections: number
}

/** Distribution of durations. */
export interface HistogramStats {
  /** The upper bounds of the buckets, in milliseconds. */
  boundsMs: readonly number[]
  /** Count of each bucket, not cumulative; one more bucket counts the values above every bound. */
  counts: number[]
  sumMs: number
}

/** State and counters of this Pod. Counters only grow, and begin at 0 with the instance. */
export interface Stats {
  state: SserState
  /** This Pod's epoch: one incarnation of it. */
  epoch: string
  /** Position of the Pod, as an id; undefined before it is ready. */
  position: string | undefined
  /** Time since the instance was created, in milliseconds. */
  uptimeMs: number
  connections: {
    /** Currently open. */
    open: number
    /** Opened and closed since the start. */
    opened: number
    closed: number
  }
  /** In-process subscriptions by `subscribe()`. */
  subscriptions: {
    /** Currently open. */
    open: number
    /** Opened and closed since the start. */
    opened: number
    closed: number
    /** Events that they received, counted once for each subscription. */
    received: number
  }
  streams: {
    /** Streams with at least one connection at this Pod. */
    active: number
    /** The `largestStreams` streams with the most connections. */
    largest: StreamStats[]
    /** Connections on all other streams, counted once for each stream; 0 if `largestStreams` is 0. */
    rest: number
  }
  events: {
    /** Sent at this Pod, without duplicates by an `idempotencyKey`. */
    sent: number
    /** Received from peers. */
    received: number
    /** Written to connections, counted once for each connection. */
    delivered: number
    /** Delivered events that are older than their connection, because a client resumed. */
    replayed: number
  }
  /** Generated output and other streams with an end, as this Pod knows them. */
  runs: {
    /** Runs that this Pod writes now, and the limit of their number: `runs.maxRuns`. */
    running: number
    maxRuns: number
    /** Runs that this Pod knows, of all Pods: running ones, and ended ones that are kept. */
    known: number
    /** Copies of runs on this Pod, their accounted bytes, and the limit of these: `runs.maxBytes`. */
    copies: number
    bytes: number
    maxBytes: number
    /** Connections and loops on this Pod that read a run. */
    readers: number
    /** Runs started on this Pod since the start, and those that ended, by state. */
    started: number
    ended: Record<RunEndState, number>
    /** Runs of this Pod that ended because another Pod had started the same name. */
    superseded: number
    /** Chunks written to connections, counted once for each connection. */
    delivered: number
    /** Evictions by `runs.maxBytes`: of copies that others hold or whose runs have ended, and of the chunks of running runs. */
    evictions: Record<'spare' | 'running', number>
    /** Runs of other Pods that were interrupted, and that were lost. */
    interrupted: number
    lost: number
    /** Calls of `cancelRun()` on this Pod, by outcome. */
    cancels: Record<'cancelled' | 'not-running' | 'unreachable', number>
    /** Questions to the peers for names and ids that this Pod does not know. */
    asks: number
  }
  /** Gaps reported to connections and subscriptions, by reason. */
  gaps: Record<GapReason, number>
  /** Every peer, with the state of its link. */
  peers: PeerStatus[]
  /** Requests to peers. */
  peerRequests: {
    /** Answered with a 2xx; with another status; without a response. */
    ok: number
    refused: number
    failed: number
    /** Retries of a failed request. */
    retries: number
    /** Duration of answered requests. */
    latency: HistogramStats
    /** All requests, by peer and status. */
    byPeer: PeerRequestStats[]
  }
  /** Exchanges with peers: connections that stay open for all messages, in place of a request for each. */
  peerExchanges: {
    /** Open now: those that this Pod opened, and those that it accepted. */
    opened: number
    accepted: number
    /** Exchanges that a peer or proxy did not let this Pod open, or that broke off: a link then sends single requests. */
    fallbacks: number
    /** Bytes of their messages; those that were sent count each character as one. */
    sentBytes: number
    receivedBytes: number
  }
  /** Background errors, by stage. */
  errors: Record<ErrorStage, number>
  /** Rejected input of clients and peers, by error code. */
  rejected: Partial<Record<SserErrorCode, number>>
  log: {
    /** Entries (events, no-op entries, holes) and their accounted bytes. */
    entries: number
    bytes: number
    maxBytes: number
    /** Age of the oldest entry, and time since which the log holds every event of every stream, in milliseconds. */
    oldestMs: number
    completeMs: number
    maxAgeMs: number
  }
  /** Delay of the last periodic timer, in milliseconds: how long the event loop was blocked. */
  eventLoopLagMs: number
  /** Expiry of the certificate of `internalTls`, in milliseconds of Unix time; undefined without one. */
  certificateExpiresAt: number | undefined
  /** State that the peer finder reports; undefined if it reports none. */
  peerFinder: PeerFinderStatus | undefined
}

/** Sources of the stats. */
export interface StatsSources {
  incarnation: Incarnation
  counters: Counters
  errors: ErrorReporter
  clock: Clock
  peerFinder: PeerFinder
  settings: ResolvedOptions
  certificates: PeerCertificates | undefined
  subscriptions: Subscriptions
}

/** Reads the stats without iterating over connections or the log. */
export function readStats(
  sources: StatsSources,
  own: Pick<Stats, 'state' | 'position' | 'uptimeMs'>,
  { largestStreams = 0 }: StatsOptions,
): Stats {
  const { clock, errors, incarnation, peerFinder, settings, counters } = sources
  const { hub, log, mesh, runs } = incarnation
  const now = clock.now()
  log.trim(now)
  const age = (sentAt: number | undefined) => Math.max(0, now - (sentAt ?? now))
  return {
    ...own,
    epoch: log.epoch,
    connections: { open: hub.size, opened: counters.opened, closed: counters.closed },
    subscriptions: {
      open: sources.subscriptions.size,
      opened: counters.subscriptionsOpened,
      closed: counters.subscriptionsClosed,
      received: counters.subscriptionEvents,
    },
    streams: { active: hub.registry.streamCount, ...largest(hub, largestStreams) },
    events: {
      sent: counters.sent,
      received: counters.received,
      delivered: counters.delivered,
      replayed: counters.replayed,
    },
    runs: {
      ...counters.runs,
      ended: { ...counters.runs.ended },
      evictions: { ...counters.runs.evictions },
      cancels: { ...counters.runs.cancels },
      running: runs.running,
      maxRuns: settings.runs.maxRuns,
      known: runs.directory.size,
      copies: runs.copies.size,
      bytes: runs.copies.bytes,
      maxBytes: settings.runs.maxBytes,
      readers: runs.readers,
    },
    gaps: { ...counters.gaps },
    peers: mesh.peers(),
    peerRequests: {
      ...counters.requests,
      retries: counters.retries,
      latency: copy(counters.latency),
      byPeer: counters.peerRequests.list(),
    },
    peerExchanges: { ...counters.exchanges },
    errors: { ...errors.counts },
    rejected: { ...errors.rejected },
    log: {
      entries: log.entries,
      bytes: log.bytes,
      maxBytes: settings.logMaxBytes,
      oldestMs: age(log.oldestAt),
      completeMs: age(log.completeAt),
      maxAgeMs: settings.logMaxAgeMs,
    },
    eventLoopLagMs: counters.eventLoopLagMs,
    certificateExpiresAt: sources.certificates?.expiresAt,
    peerFinder: peerFinder.status?.(),
  }
}

function copy({ boundsMs, counts, sumMs }: Histogram): HistogramStats {
  return { boundsMs, counts: [...counts], sumMs }
}

/** The `most` streams with the most connections, the largest first. */
function largest(hub: Hub, most: number): Pick<Stats['streams'], 'largest' | 'rest'> {
  const found: StreamStats[] = []
  let rest = 0
  if (most <= 0) return { largest: found, rest }
  for (const stream of hub.registry.streams) {
    const connections = hub.registry.listeners(stream)
    rest += connections
    if (found.length >= most && (found.at(-1) as StreamStats).connections >= connections) continue
    const place = found.findIndex((other) => other.connections < connections)
    found.splice(place === -1 ? found.length : place, 0, { stream, connections })
    if (found.length > most) found.pop()
  }
  for (const { connections } of found) rest -= connections
  return { largest: found, rest }
}
