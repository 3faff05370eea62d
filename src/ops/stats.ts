import type { Clock } from '../clock.ts'
import type { Hub } from '../delivery/hub.ts'
import type { PeerFinder, PeerFinderStatus } from '../discovery/peer-finder.ts'
import type { SserErrorCode } from '../errors.ts'
import type { Incarnation } from '../instance/incarnation.ts'
import type { ResolvedSettings } from '../options.ts'
import type { PeerStatus } from '../replication/peer-status.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter, ErrorStage } from '../telemetry/error-reporter.ts'
import type { Histogram } from '../telemetry/histogram.ts'
import type { PeerRequestStats } from '../telemetry/peer-requests.ts'
import type { PeerCertificates } from '../transport/certificates.ts'
import type { GapReason } from '../wire/frame.ts'
import type { State } from './probes.ts'

/** What `stats()` may be asked for beside the rest. */
export interface StatsOptions {
  /** How many of the streams with the most connections are to be named. It takes a walk over all. Default: 0. */
  largestStreams?: number | undefined
}

/** A stream that somebody listens on. */
export interface StreamStats {
  stream: string
  /** Connections that listen on it here. */
  connections: number
}

/** How long things took. */
export interface HistogramStats {
  /** The upper bounds of the buckets, in milliseconds. */
  boundsMs: readonly number[]
  /** How many fell into each bucket and no lower one; one more has what is above every bound. */
  counts: number[]
  sumMs: number
}

/** What this Pod is, and what it did since it began. Counts only grow, and begin at 0 with the instance. */
export interface Stats {
  state: State
  /** This Pod's epoch: one incarnation of it. */
  epoch: string
  /** Where it stands, as an id; empty before it is ready. */
  position: string
  /** Since the instance was made, in milliseconds. */
  uptimeMs: number
  connections: {
    /** Open now. */
    open: number
    /** Ever opened, and ended again. */
    opened: number
    closed: number
  }
  streams: {
    /** Streams that somebody listens on here now. */
    active: number
    /** Those with the most connections, as many as were asked for. */
    largest: StreamStats[]
    /** Connections on all others, counted once for each stream; 0 where no streams were asked for. */
    rest: number
  }
  events: {
    /** Sent here; without duplicates by an `idempotencyKey`. */
    sent: number
    /** Taken from peers. */
    received: number
    /** Written to connections, once for each. */
    delivered: number
    /** Those among them that were sent before their connection was opened: a client came back. */
    replayed: number
  }
  /** Gaps that connections were told of, by their reason. */
  gaps: Record<GapReason, number>
  /** Every peer, and how the link to it stands. */
  peers: PeerStatus[]
  /** Requests to peers. */
  peerRequests: {
    /** Answered with a 2xx; with another status; or not. */
    ok: number
    refused: number
    failed: number
    /** Made because one before them had failed. */
    retries: number
    /** How long the answered ones took. */
    latency: HistogramStats
    /** All of them, by peer and status. */
    byPeer: PeerRequestStats[]
  }
  /** Background errors, by where they were met. */
  errors: Record<ErrorStage, number>
  /** What clients and peers sent that was refused, by the code of the refusal. */
  rejected: Partial<Record<SserErrorCode, number>>
  log: {
    /** Entries (events, no-op entries, holes) and the bytes that they count for. */
    entries: number
    bytes: number
    maxBytes: number
    /** How far back it reaches, in milliseconds: all of it, and the part that still has every message. */
    oldestMs: number
    completeMs: number
    maxAgeMs: number
  }
  /** Delay of the last periodic timer, in milliseconds: how long the event loop was blocked. */
  eventLoopLagMs: number
  /** When the certificate of `internalTls` expires, in milliseconds of Unix time; undefined without one. */
  certificateExpiresAt: number | undefined
  /** How the peer finder says it stands; undefined where it does not say. */
  peerFinder: PeerFinderStatus | undefined
}

/** What stats are read from. */
export interface StatsSources {
  incarnation: Incarnation
  counters: Counters
  errors: ErrorReporter
  clock: Clock
  peerFinder: PeerFinder
  settings: ResolvedSettings
  certificates: PeerCertificates | undefined
}

/** Reads what there is, without a walk over connections or the log. */
export function readStats(
  sources: StatsSources,
  own: Pick<Stats, 'state' | 'position' | 'uptimeMs'>,
  { largestStreams = 0 }: StatsOptions,
): Stats {
  const { clock, errors, incarnation, peerFinder, settings, counters } = sources
  const { hub, log, mesh } = incarnation
  const now = clock.now()
  log.trim(now)
  const age = (index: number) => Math.max(0, now - (log.at(index)?.sentAt ?? now))
  return {
    ...own,
    epoch: log.epoch,
    connections: { open: hub.size, opened: counters.opened, closed: counters.closed },
    streams: { active: hub.registry.streamCount, ...largest(hub, largestStreams) },
    events: {
      sent: counters.sent,
      received: counters.received,
      delivered: counters.delivered,
      replayed: counters.replayed,
    },
    gaps: { ...counters.gaps },
    peers: mesh.peers(),
    peerRequests: {
      ...counters.requests,
      retries: counters.retries,
      latency: copy(counters.latency),
      byPeer: counters.peerRequests.list(),
    },
    errors: { ...errors.counts },
    rejected: { ...errors.rejected },
    log: {
      entries: log.entries,
      bytes: log.bytes,
      maxBytes: settings.logMaxBytes,
      oldestMs: age(log.firstIndex),
      completeMs: age(log.firstCompleteIndex),
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
