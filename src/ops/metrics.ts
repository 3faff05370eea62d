import type { SserState } from '../instance/lifecycle.ts'
import type { PeerStatus } from '../replication/peer-status.ts'
import type { Family, Sample } from './exposition.ts'
import type { HistogramStats, Stats } from './stats.ts'
import { VERSION } from './version.ts'

/** Maximum number of streams with a series each, on request: the streams with the most connections. */
export const MAX_STREAMS = 50
/** Maximum number of peers with a series each; `other` has the worst values of the rest. */
const MAX_PEERS = 100

const STATES: Readonly<Record<SserState, true>> = {
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

/** Every metric, always in this order; a metric without a value on this Pod has no samples. */
export function metricFamilies(stats: Stats): Family[] {
  const {
    peerExchanges,
    peerRequests,
    connections,
    events,
    errors,
    gaps,
    log,
    peerFinder,
    rejected,
    runs,
    streams,
    subscriptions,
  } = stats
  const peers = stats.peers.filter(({ state }) => state !== 'self')
  const named = boundPeers(peers)
  const syncAgeMs = peerFinder?.syncAgeMs
  const expiresAt = stats.certificateExpiresAt
  return [
    gauge('info', 'The version of sser, and the epoch: one incarnation of this Pod.', [
      { labels: { version: VERSION, epoch: stats.epoch }, value: 1 },
    ]),
    gauge('state', 'State of the Pod: 1 for the current state, 0 for all others.', [
      ...Object.keys(STATES).map((state) => ({ labels: { state }, value: Number(state === stats.state) })),
    ]),
    gauge('connections', 'Open connections.', connections.open),
    counter('connections_opened_total', 'Connections opened.', connections.opened),
    counter('connections_closed_total', 'Connections closed.', connections.closed),
    gauge('subscriptions', 'Open in-process subscriptions.', subscriptions.open),
    counter('subscriptions_opened_total', 'Subscriptions opened.', subscriptions.opened),
    counter('subscriptions_closed_total', 'Subscriptions closed.', subscriptions.closed),
    counter(
      'subscription_events_total',
      'Events received by subscriptions, counted once for each subscription.',
      subscriptions.received,
    ),
    gauge('streams', 'Streams with at least one connection.', streams.active),
    gauge(
      'stream_connections',
      `Connections on each of the ${MAX_STREAMS} largest streams and on all others, on request.`,
      streamSamples(stats),
    ),
    counter('events_sent_total', 'Events sent on this Pod.', events.sent),
    counter('events_received_total', 'Events received from peers.', events.received),
    counter(
      'events_delivered_total',
      'Events written to connections, counted once for each connection.',
      events.delivered,
    ),
    counter(
      'events_replayed_total',
      'Delivered events that are older than their connection.',
      events.replayed,
    ),
    counter('gaps_total', 'Gaps reported to connections and subscriptions.', counts('reason', gaps)),
    gauge('runs_running', 'Running runs that this Pod writes.', runs.running),
    gauge(
      'runs_known',
      'Runs of all Pods that this Pod knows, with those that have ended and are kept.',
      runs.known,
    ),
    gauge('run_copies', 'Copies of runs on this Pod.', runs.copies),
    gauge('run_bytes', 'Accounted memory of the copies of runs.', runs.bytes),
    gauge('run_max_bytes', 'Memory limit of the copies of runs: the option runs.maxBytes.', runs.maxBytes),
    gauge('run_readers', 'Connections and loops on this Pod that read a run.', runs.readers),
    counter('runs_started_total', 'Runs started on this Pod.', runs.started),
    counter('runs_ended_total', 'Runs of this Pod that have ended, by state.', counts('state', runs.ended)),
    counter(
      'runs_superseded_total',
      'Runs of this Pod that ended because another Pod had started the same name.',
      runs.superseded,
    ),
    counter(
      'run_chunks_delivered_total',
      'Chunks written to connections, counted once for each connection.',
      runs.delivered,
    ),
    counter(
      'run_evictions_total',
      'Evictions by runs.maxBytes: spare copies, or the oldest chunks of a running run.',
      counts('of', runs.evictions),
    ),
    counter('runs_interrupted_total', 'Runs of other Pods that were interrupted.', runs.interrupted),
    counter('runs_lost_total', 'Runs of other Pods that were lost.', runs.lost),
    counter(
      'run_cancels_total',
      'Calls of cancelRun() on this Pod, by outcome.',
      counts('outcome', runs.cancels),
    ),
    counter(
      'run_asks_total',
      'Questions to the peers for names and ids of runs that this Pod does not know.',
      runs.asks,
    ),
    gauge('peers', 'Peers, by the state of their link.', [
      ...Object.keys(LINK_STATES).map((state) => ({
        labels: { state },
        value: peers.filter((peer) => peer.state === state).length,
      })),
    ]),
    gauge('peer_up', '1 if the last request to the peer succeeded, else 0.', peerSamples(named, isUp)),
    gauge(
      'peer_lag_events',
      'Entries of this Pod that the peer is not known to hold.',
      peerSamples(named, ({ lag }) => lag),
    ),
    gauge(
      'peer_lag_seconds',
      'Age of the oldest such entry, at most the age of the log.',
      peerSamples(named, ({ lagMs }) => lagMs / 1_000),
    ),
    gauge(
      'peer_failures',
      'Failed requests to the peer since the last successful one.',
      peerSamples(named, ({ failures }) => failures),
    ),
    counter(
      'peer_requests_total',
      "Requests to peers, and to the Pod's own address if listed: ok is a 2xx, refused another status, failed no response.",
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
      'Requests to peers that retry a failed request.',
      peerRequests.retries,
    ),
    histogram(
      'peer_request_duration_seconds',
      'Duration of answered requests to peers.',
      peerRequests.latency,
    ),
    gauge(
      'peer_exchanges',
      'Open exchanges with peers, by the side that opened them: this Pod, or the peer.',
      [
        { labels: { opened_by: 'self' }, value: peerExchanges.opened },
        { labels: { opened_by: 'peer' }, value: peerExchanges.accepted },
      ],
    ),
    counter('peer_exchange_bytes_total', 'Bytes of the messages in exchanges with peers.', [
      { labels: { direction: 'sent' }, value: peerExchanges.sentBytes },
      { labels: { direction: 'received' }, value: peerExchanges.receivedBytes },
    ]),
    counter(
      'peer_exchange_fallbacks_total',
      'Exchanges that could not be opened or broke off, after which single requests are sent.',
      peerExchanges.fallbacks,
    ),
    counter('errors_total', 'Background errors, by stage.', counts('stage', errors)),
    counter(
      'rejected_total',
      'Rejected input of clients and peers, by error code.',
      counts('code', rejected),
    ),
    gauge('log_entries', 'Events, no-op entries and holes in the log.', log.entries),
    gauge('log_bytes', 'Accounted memory of the entries in the log.', log.bytes),
    gauge('log_max_bytes', 'Memory limit of the log: the option logMaxBytes.', log.maxBytes),
    gauge('log_oldest_seconds', 'Age of the oldest entry of the log.', log.oldestMs / 1_000),
    gauge(
      'log_complete_seconds',
      'Age of the oldest entry after which the log holds every message.',
      log.completeMs / 1_000,
    ),
    gauge(
      'log_max_age_seconds',
      'Age limit of the entries in the log: the option logMaxAgeMs.',
      log.maxAgeMs / 1_000,
    ),
    gauge(
      'event_loop_lag_seconds',
      'Delay of the last periodic timer: how long the event loop was blocked.',
      stats.eventLoopLagMs / 1_000,
    ),
    gauge(
      'internal_tls_certificate_expiration_timestamp_seconds',
      'Expiry of the certificate of internalTls, in seconds of Unix time.',
      expiresAt === undefined ? [] : expiresAt / 1_000,
    ),
    gauge(
      'peer_finder_state',
      'State that the peer finder reports.',
      peerFinder === undefined ? [] : [{ labels: { state: peerFinder.state }, value: 1 }],
    ),
    gauge(
      'peer_finder_lists_self',
      '1 if the peer finder lists its own Pod, 0 if its selector misses the Pod.',
      peerFinder?.listsSelf === undefined ? [] : Number(peerFinder.listsSelf),
    ),
    gauge(
      'peer_finder_sync_age_seconds',
      'Time since the source of the peers last confirmed them.',
      syncAgeMs === undefined ? [] : syncAgeMs / 1_000,
    ),
  ]
}

/** The largest streams. All others together are `other`, and so is a stream with this name. */
export function streamSamples({ streams }: Stats): Sample[] {
  const values = new Map(streams.largest.map(({ stream, connections }) => [stream, connections]))
  if (streams.rest > 0) values.set('other', (values.get('other') ?? 0) + streams.rest)
  return Array.from(values, ([stream, value]) => ({ labels: { stream }, value }))
}

/** Sorts by name, so that each scrape names the same peers. */
function boundPeers(peers: readonly PeerStatus[]): PeerStatus[] {
  const sorted = peers.toSorted((a, b) => (a.peer < b.peer ? -1 : 1))
  const rest = sorted.splice(MAX_PEERS)
  if (rest.length === 0) return sorted
  const most = (value: (peer: PeerStatus) => number) => Math.max(...rest.map(value))
  const other: PeerStatus = {
    peer: 'other',
    state: rest.every((peer) => isUp(peer) === 1) ? 'connected' : 'failing',
    exchange: rest.every(({ exchange }) => exchange),
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
