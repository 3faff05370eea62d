import { Hono } from 'hono'
import type { SserState } from '../instance/lifecycle.ts'

const REASON: Record<Exclude<SserState, 'ready'>, string> = {
  idle: 'start() was not called',
  'finding-peers': 'the peer finder has no first list of peers yet',
  'fetching-log': 'the log is being fetched from a peer',
  draining: 'the Pod stops: its connections are being ended',
  stopped: 'the Pod was stopped',
}

/**
 * Probes: `GET /livez` fails after the instance was stopped, and `GET /readyz` fails while clients should use other Pods.
 * Both answer 200 or 503, with the state, the reason of a failure and any warning as JSON; while the Pod drains, with the number
 * of runs that it still writes, or that no other Pod has all of.
 * @see https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
 */
export function probeRoutes(
  state: () => SserState,
  warning: () => string | undefined,
  runsLeft: () => number,
): Hono {
  const answer = (test: string, isIt: (state: SserState) => boolean) => () => {
    const now = state()
    const reason = now === 'ready' ? undefined : REASON[now]
    // JSON omits undefined fields.
    const runs = (now === 'draining' && runsLeft()) || undefined
    const body = { [test]: isIt(now), state: now, reason, runs, warning: warning() }
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
}
