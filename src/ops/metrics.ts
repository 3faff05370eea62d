import type { PeerStatus } from '../replication/peer-status.ts'
import type { Family, Sample } from './exposition.ts'
import type { State } from './probes.ts'
import type { HistogramStats, Stats } from './stats.ts'
import { VERSION } from './version.ts'

/** So many streams get a series of their own where that is asked for: those with the most connections. */
export const MAX_STREAMS = 50
/** So many peers get series of their own; the worst of the rest is `other`. */
const MAX_PEERS = 100

const STATES: Readonly<Record<State, true>> = {
  idle: true,
  'finding-peers': true,
  'fetching-log': true,
  ready: true,
  draining: true,
  stopped: true,
}
const LINK_STATES: Readonly<Record<Exclude<PeerStatus['state'], 'self'>, true>> = {
  connecting: true,
  connected: true,
  v1: true,
  failing: true,
}

/** Every metric there is, always in this order, some without samples: what a Pod does not have it does not make up. */
export function metricFamilies(stats: Stats): Family[] {
  const { peerRequests, connections, events, errors, gaps, log, peerFinder, rejected, streams } = stats
  const peers = stats.peers.filter(({ state }) => state !== 'self')
  const named = boundPeers(peers)
  const syncAgeMs = peerFinder?.syncAgeMs
  const expiresAt = stats.certificateExpiresAt
  return [
    gauge('info', 'The version of sser, and the epoch: one incarnation of this Pod.', [
      { labels: { version: VERSION, epoch: stats.epoch }, value: 1 },
    ]),
    gauge('state', 'Where the Pod stands: 1 for its state, 0 for all others.', [
      ...Object.keys(STATES).map((state) => ({ labels: { state }, value: Number(state === stats.state) })),
    ]),
    gauge('connections', 'Connections that are open.', connections.open),
    counter('connections_opened_total', 'Connections that were opened.', connections.opened),
    counter('connections_closed_total', 'Connections that ended.', connections.closed),
    gauge('streams', 'Streams that somebody listens on.', streams.active),
    gauge(
      'stream_connections',
      `Connections on each of the ${MAX_STREAMS} largest streams and on all others, where asked for.`,
      streamSamples(stats),
    ),
    counter('events_sent_total', 'Events that were sent on this Pod.', events.sent),
    counter('events_received_total', 'Events that came from peers.', events.received),
    counter(
      'events_delivered_total',
      'Events that were written to connections, once for each.',
      events.delivered,
    ),
    counter(
      'events_replayed_total',
      'Delivered events that were older than their connection.',
      events.replayed,
    ),
    counter('gaps_total', 'Gaps that connections were told of.', counts('reason', gaps)),
    gauge('peers', 'Peers, by the state of the link to them.', [
      ...Object.keys(LINK_STATES).map((state) => ({
        labels: { state },
        value: peers.filter((peer) => peer.state === state).length,
      })),
    ]),
    gauge('peer_up', 'Whether the last request to the peer worked.', peerSamples(named, isUp)),
    gauge(
      'peer_lag_events',
      'Entries of this Pod that the peer is not known to hold.',
      peerSamples(named, ({ lag }) => lag),
    ),
    gauge(
      'peer_lag_seconds',
      'Age of the oldest that the peer is not known to hold, as far as the log reaches back.',
      peerSamples(named, ({ lagMs }) => lagMs / 1_000),
    ),
    gauge(
      'peer_failures',
      'Requests to the peer that failed since the last one that worked.',
      peerSamples(named, ({ failures }) => failures),
    ),
    counter(
      'peer_requests_total',
      "Requests to peers, and to the Pod's own address where the list has it: ok is a 2xx, refused another status, failed none.",
      [
        ...counts('outcome', {
          ok: peerRequests.ok,
          refused: peerRequests.refused,
          failed: peerRequests.failed,
        }),
      ],
    ),
    counter(
      'peer_request_retries_total',
      'Requests that were made because one before them had failed.',
      peerRequests.retries,
    ),
    histogram(
      'peer_request_duration_seconds',
      'How long answered requests to peers took.',
      peerRequests.latency,
    ),
    counter('errors_total', 'Background errors, by where they were met.', counts('stage', errors)),
    counter(
      'rejected_total',
      'Input of clients and peers that was refused, by error code.',
      counts('code', rejected),
    ),
    gauge('log_entries', 'Events, no-op entries and holes in the log.', log.entries),
    gauge('log_bytes', 'Memory that the entries of the log count for.', log.bytes),
    gauge('log_max_bytes', 'Memory that they may take: the option logMaxBytes.', log.maxBytes),
    gauge('log_oldest_seconds', 'Age of the oldest entry of the log.', log.oldestMs / 1_000),
    gauge(
      'log_complete_seconds',
      'Age of the oldest entry from which on the log has every message.',
      log.completeMs / 1_000,
    ),
    gauge(
      'log_max_age_seconds',
      'Age that the entries of the log may reach: the option logMaxAgeMs.',
      log.maxAgeMs / 1_000,
    ),
    gauge(
      'event_loop_lag_seconds',
      'Delay of the last periodic timer: how long the event loop was blocked.',
      stats.eventLoopLagMs / 1_000,
    ),
    gauge(
      'internal_tls_certificate_expiration_timestamp_seconds',
      'When the certificate of internalTls expires, in seconds of Unix time.',
      expiresAt === undefined ? [] : expiresAt / 1_000,
    ),
    gauge(
      'peer_finder_state',
      'How the peer finder says it stands.',
      peerFinder === undefined ? [] : [{ labels: { state: peerFinder.state }, value: 1 }],
    ),
    gauge(
      'peer_finder_lists_self',
      'Whether the peer finder lists the Pod that it runs in: 0 where its selector misses it.',
      peerFinder?.listsSelf === undefined ? [] : Number(peerFinder.listsSelf),
    ),
    gauge(
      'peer_finder_sync_age_seconds',
      'For how long the source of the peers has not confirmed them.',
      syncAgeMs === undefined ? [] : syncAgeMs / 1_000,
    ),
  ]
}

/** The streams that were asked for. All others together are `other`, also a stream that has this name. */
export function streamSamples({ streams }: Stats): Sample[] {
  const values = new Map(streams.largest.map(({ stream, connections }) => [stream, connections]))
  if (streams.rest > 0) values.set('other', (values.get('other') ?? 0) + streams.rest)
  return Array.from(values, ([stream, value]) => ({ labels: { stream }, value }))
}

/** By name, so that the same peers are told apart at each scrape. */
function boundPeers(peers: readonly PeerStatus[]): PeerStatus[] {
  const sorted = peers.toSorted((a, b) => (a.peer < b.peer ? -1 : 1))
  const rest = sorted.splice(MAX_PEERS)
  if (rest.length === 0) return sorted
  const most = (value: (peer: PeerStatus) => number) => Math.max(...rest.map(value))
  const other: PeerStatus = {
    peer: 'other',
    state: rest.every((peer) => isUp(peer) === 1) ? 'connected' : 'failing',
    epoch: undefined,
    lag: most(({ lag }) => lag),
    lagMs: most(({ lagMs }) => lagMs),
    failures: most(({ failures }) => failures),
    lastError: undefined,
  }
  return [...sorted, other]
}

function isUp({ state }: PeerStatus): number {
  return Number(state === 'connected' || state === 'v1')
}

function peerSamples(peers: readonly PeerStatus[], value: (peer: PeerStatus) => number): Sample[] {
  return peers.map((peer) => ({ labels: { peer: peer.peer }, value: value(peer) }))
}

function counts(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

function gauge(name: string, help: string, value: number | readonly Sample[]): Family {
  return { name: `sser_${name}`, help, type: 'gauge', samples: samples(value) }
}

function counter(name: string, help: string, value: number | readonly Sample[]): Family {
  return { name: `sser_${name}`, help, type: 'counter', samples: samples(value) }
}

function samples(value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === 'number' ? [{ labels: {}, value }] : value
}

function histogram(name: string, help: string, { boundsMs, counts, sumMs }: HistogramStats): Family {
  let count = 0
  const buckets: Sample[] = counts.map((more, i) => {
    count += more
    const bound = boundsMs[i]
    const le = bound === undefined ? '+Inf' : String(bound / 1_000)
    return { suffix: '_bucket', labels: { le }, value: count }
  })
  const sum: Sample = { suffix: '_sum', labels: {}, value: sumMs / 1_000 }
  const total: Sample = { suffix: '_count', labels: {}, value: count }
  return { name: `sser_${name}`, help, type: 'histogram', samples: [...buckets, sum, total] }
}
