import type { Family, Sample } from './exposition.ts'
import { streamSamples } from './metrics.ts'
import type { Stats } from './stats.ts'

/** Maximum number of peers with a series each; all others together are `other`. */
const MAX_PEERS = 100

/**
 * The three metrics of the Go package, for existing dashboards. The Go package exports its counters as gauges, and so does
 * this. A latency is a summary without quantiles; a request without a response has the status 0.
 */
export function goFamilies(stats: Stats): Family[] {
  const requests = boundPeers(stats)
  return [
    {
      name: 'sser_server_client_connections',
      help: 'Open connections by stream, as the Go package calls them.',
      type: 'gauge',
      samples: streamSamples(stats),
    },
    {
      name: 'http_request_metrics',
      help: 'Requests to peers, as the Go package calls them.',
      type: 'gauge',
      samples: requests.map(({ labels, count }) => ({ labels, value: count })),
    },
    {
      name: 'http_request_latency_ms',
      help: 'Duration of requests to peers, as the Go package calls it.',
      type: 'summary',
      samples: requests.flatMap(({ labels, count, sumMs }): Sample[] => [
        { suffix: '_sum', labels, value: sumMs },
        { suffix: '_count', labels, value: count },
      ]),
    },
  ]
}

interface Requests {
  labels: { host: string; status: string }
  count: number
  sumMs: number
}

function boundPeers({ peerRequests: { byPeer } }: Stats): Requests[] {
  const own = new Set([...new Set(byPeer.map(({ peer }) => peer))].sort().slice(0, MAX_PEERS))
  const requests = new Map<string, Requests>()
  for (const { peer, status, count, sumMs } of byPeer) {
    const labels = { host: own.has(peer) ? peer : 'other', status: String(status) }
    const name = `${labels.host} ${labels.status}`
    const before = requests.get(name)
    requests.set(name, {
      labels,
      count: count + (before?.count ?? 0),
      sumMs: sumMs + (before?.sumMs ?? 0),
    })
  }
  return [...requests.values()]
}
