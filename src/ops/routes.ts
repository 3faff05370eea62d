import { Hono, type MiddlewareHandler } from 'hono'
import { crossOriginError, hostError } from '../http/web-pages.ts'
import type { RecentError } from '../telemetry/error-reporter.ts'
import { debugRoute } from './debug-page.ts'
import { CONTENT_TYPE, formatFamilies } from './exposition.ts'
import { MAX_STREAMS, metricFamilies } from './metrics.ts'
import type { Stats, StatsOptions } from './stats.ts'

export interface OpsOptions {
  probeRoutes: Hono
  stats(options?: StatsOptions): Stats
  recentErrors(): readonly RecentError[]
  allowedInternalHosts: readonly string[]
  peerAddresses(): readonly string[]
}

/**
 * The operations sub-app: the probes, `GET /metrics` for Prometheus and `GET /debug/sser` for operators. With
 * `?perStream=true` the metrics have a series for each of the largest streams.
 */
export function opsRoutes({ probeRoutes, stats, recentErrors, ...options }: OpsOptions): Hono {
  const ownPagesOnly: MiddlewareHandler = async (c, next) => {
    const { allowedInternalHosts, peerAddresses } = options
    const { headers } = c.req.raw
    const error = crossOriginError(headers) ?? hostError(headers, allowedInternalHosts, peerAddresses)
    if (error !== undefined) return c.text(`${error.message}\n`, 403)
    return next()
  }
  return new Hono()
    .route('/', probeRoutes)
    .get('/metrics', ownPagesOnly, (c) => {
      const largestStreams = c.req.query('perStream') === 'true' ? MAX_STREAMS : 0
      const text = formatFamilies(metricFamilies(stats({ largestStreams })))
      return c.body(text, 200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' })
    })
    .get('/debug/sser', ownPagesOnly, debugRoute(stats, recentErrors))
}
