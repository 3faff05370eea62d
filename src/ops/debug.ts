import type { Handler } from 'hono'
import type { RecentError } from '../telemetry/error-reporter.ts'
import { debugPage } from './debug-page.ts'
import type { Stats, StatsOptions } from './stats.ts'
import { VERSION } from './version.ts'

/** Maximum number of streams on the page. */
const MAX_STREAMS = 50

/** Content of the debug page: this Pod's view of itself and of the fleet. */
export interface DebugView extends Stats {
  version: string
  /** The latest first. */
  recentErrors: readonly RecentError[]
}

/** `GET /debug/sser`: a page for browsers, JSON for other clients. The names of streams and the texts of errors are untrusted input. */
export function debugRoute(
  stats: (options: StatsOptions) => Stats,
  recentErrors: () => readonly RecentError[],
): Handler {
  return async (c) => {
    const view: DebugView = {
      version: VERSION,
      ...stats({ largestStreams: MAX_STREAMS }),
      recentErrors: recentErrors(),
    }
    const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', vary: 'accept' }
    if (!c.req.header('accept')?.includes('text/html')) return c.json(view, 200, headers)
    const nonce = crypto.randomUUID()
    return c.html(await debugPage(view, nonce), 200, {
      ...headers,
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'referrer-policy': 'no-referrer',
    })
  }
}
