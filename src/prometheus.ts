import type { Metric, Registry } from 'prom-client'
import { SserError } from './errors.ts'
import type { Family, Sample } from './ops/exposition.ts'
import { MAX_STREAMS, metricFamilies, streamSamples } from './ops/metrics.ts'
import type { Stats } from './ops/stats.ts'
import type { Sser } from './sser.ts'

/** Options of `collectMetrics()`. */
export interface CollectMetricsOptions {
  /** A registry of `prom-client`. */
  registry: Pick<Registry, 'registerMetric' | 'removeSingleMetric' | 'getSingleMetric'>
  /** Put before each name, so that two instances can share a registry. Default: nothing. */
  prefix?: string | undefined
  /** Adds a series for each of the 50 streams with the most connections. Default: false. */
  perStream?: boolean | undefined
  /**
   * Adds the Go package's three metrics under exactly its names: `sser_server_client_connections`,
   * `http_request_metrics` and `http_request_latency_ms`. They never have the prefix. Default: false.
   */
  goNames?: boolean | undefined
}

/**
 * Registers the metrics of one instance with a registry of `prom-client`, for an app that serves its own metrics. The
 * instance is read at each scrape, and nothing is counted twice. Returns a function that removes them again.
 * @throws SserError `invalid-options` without a registry; the error of the registry if a name is taken, and then no
 * metric is registered.
 */
export function collectMetrics(sser: Sser, options: CollectMetricsOptions): () => void {
  const { registry, prefix = '', perStream = false, goNames = false } = options
  if (typeof registry?.registerMetric !== 'function') {
    throw new SserError('invalid-options', 'Option "registry": expected a Registry of prom-client')
  }
  const read = () => {
    const stats = sser.stats({ largestStreams: perStream || goNames ? MAX_STREAMS : 0 })
    const own = metricFamilies(stats).map((family) => ({
      ...family,
      name: prefix + family.name,
      samples: family.name === 'sser_stream_connections' && !perStream ? [] : family.samples,
    }))
    return goNames ? [...own, ...goFamilies(stats)] : own
  }
  const scrape = oncePerTurn(read)
  const collectors = read().map((family, index) => new Collector(family, () => scrape()[index] as Family))
  const registered: [string, Collector][] = []
  const unregister = () => {
    for (const [name, collector] of registered.splice(0)) {
      // A registry that was cleared may have another's by now.
      if (registry.getSingleMetric(name) === asMetric(collector)) registry.removeSingleMetric(name)
    }
  }
  try {
    for (const collector of collectors) {
      const { name } = collector
      registry.registerMetric(asMetric(collector))
      registered.push([name, collector])
    }
  } catch (error) {
    unregister()
    throw error
  }
  return unregister
}

/** One family, as a registry asks for it. */
class Collector {
  /** Not read-only: a registry that speaks OpenMetrics takes the `_total` off a counter. */
  name: string
  readonly help: string
  readonly type: Family['type']
  /** How several processes' values become one. */
  readonly aggregator = 'sum'
  readonly #read: () => Family

  constructor({ name, help, type }: Family, read: () => Family) {
    this.name = name
    this.help = help
    this.type = type
    this.#read = read
  }

  async get() {
    const { name, help, type, aggregator } = this
    const values = this.#read().samples.map(({ suffix, labels, value }) => ({
      value,
      labels: { ...labels },
      ...(suffix !== undefined && { metricName: name + suffix }),
    }))
    return { name, help, type, aggregator, values }
  }

  /** Counters never decrease, so a reset has no effect. */
  reset(): void {}
}

/** Casts a collector: it has every member that a registry uses; the type also has members of prom-client's classes. */
function asMetric(collector: Collector): Metric {
  return collector as unknown as Metric
}

/** Reads once per turn: a registry collects all of its metrics in one turn, and they must be consistent. */
function oncePerTurn<T>(read: () => T): () => T {
  let latest: { value: T } | undefined
  return () => {
    if (latest === undefined) {
      latest = { value: read() }
      queueMicrotask(() => {
        latest = undefined
      })
    }
    return latest.value
  }
}

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
