import { Hono } from 'hono'
import type { RecentFault } from '../core/recent-faults.ts'
import { CONTENT_TYPE, printFamilies } from '../exposition.ts'
import { MOST_STREAMS, metricFamilies } from '../metrics.ts'
import type { Stats, StatsOptions } from '../stats.ts'
import { debugRoute } from './debug.ts'

/** Where an instance stands between `new` and its end. */
export type State = 'idle' | 'finding-peers' | 'fetching-log' | 'ready' | 'draining' | 'stopped'

const REASON: Record<Exclude<State, 'ready'>, string> = {
  idle: 'start() was not called',
  'finding-peers': 'the peer finder has no first list of peers yet',
  'fetching-log': 'the log is being fetched from a peer',
  draining: 'the Pod stops: its connections are being ended',
  stopped: 'the Pod was stopped',
}

export interface OpsOptions {
  state(): State
  stats(options?: StatsOptions): Stats
  recentFaults(): readonly RecentFault[]
}

/**
 * The operations sub-app. For probes, `GET /livez`, which fails once the instance was stopped, and `GET /readyz`, which
 * fails while clients should go elsewhere: both answer 200 or 503, with the state as JSON, and why not. For Prometheus,
 * `GET /metrics`; with `?perStream=true` it has a series for each of the largest streams. For people, `GET /debug/sser`.
 * @see https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
 */
export function opsRoutes({ state, stats, recentFaults }: OpsOptions): Hono {
  const answer = (test: string, isIt: (state: State) => boolean) => () => {
    const now = state()
    const body = { [test]: isIt(now), state: now, ...(now !== 'ready' && { reason: REASON[now] }) }
    return Response.json(body, { status: isIt(now) ? 200 : 503, headers: { 'cache-control': 'no-store' } })
  }
  return new Hono()
    .get(
      '/livez',
      answer('live', (now) => now !== 'stopped'),
    )
    .get(
      '/readyz',
      answer('ready', (now) => now === 'ready'),
    )
    .get('/metrics', (c) => {
      const largestStreams = c.req.query('perStream') === 'true' ? MOST_STREAMS : 0
      const text = printFamilies(metricFamilies(stats({ largestStreams })))
      return c.body(text, 200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' })
    })
    .get('/debug/sser', debugRoute(stats, recentFaults))
}
