import type { Clock } from '../clock.ts'
import type { Terms } from '../delivery/terms.ts'
import type { Incarnation } from '../instance/incarnation.ts'
import type { Membership } from '../instance/membership.ts'
import type { ResolvedSettings } from '../options.ts'
import type { Asked, Opened, Opening } from './events.ts'

export interface OpeningOptions {
  settings: ResolvedSettings
  clock: Clock
  membership: Membership
  isReady(): boolean
}

/** What a request for events begins with: from then on, what ends connections ends the one that comes of it, too. */
export function opening(options: OpeningOptions): (request: Request, env: unknown) => Opening {
  const { membership } = options
  return (request, env) => {
    const incarnation = membership.current()
    const mark = membership.arrivals.of(request, env) ?? membership.mark()
    return {
      crowding: (streams, address) => incarnation.hub.crowd.crowding(streams, address),
      async judge(streams, address, ask) {
        const { crowd } = incarnation.hub
        const crowding = crowd.crowding(streams, address, crowd.judged)
        if (crowding !== undefined) throw crowding
        crowd.judged.join(address)
        try {
          return await ask()
        } finally {
          crowd.judged.leave(address)
        }
      },
      open(asked) {
        const current = membership.current()
        return options.isReady() ? open(options, current, asked, membership.since(mark)) : undefined
      },
    }
  }
}

function open(options: OpeningOptions, incarnation: Incarnation, asked: Asked, since: number): Opened {
  const { streams, lastEventId } = asked
  const { stream, gap } = incarnation.open(streams, lastEventId, terms(options, incarnation, asked), since)
  if (lastEventId === undefined) return { stream, resume: undefined }
  return { stream, resume: gap === undefined ? 'complete' : 'gap' }
}

/** Undefined where there are none: most connections need not remember any. */
function terms(
  { settings, clock }: OpeningOptions,
  incarnation: Incarnation,
  { tags, maxAgeMs, address }: Asked,
): Terms | undefined {
  const { authorize, maxConnectionAgeMs } = settings
  if (authorize === undefined && maxConnectionAgeMs === 0 && address === undefined) return undefined
  // Together they came, from a rollout perhaps; they must not go together.
  const ageMs = maxConnectionAgeMs === 0 ? undefined : maxConnectionAgeMs * (0.75 + clock.random() / 4)
  const ms = Math.min(maxAgeMs ?? Number.POSITIVE_INFINITY, ageMs ?? Number.POSITIVE_INFINITY)
  return {
    tags,
    endsAt: Number.isFinite(ms) ? clock.now() + ms : undefined,
    origin: address === undefined ? undefined : incarnation.hub.crowd.origins.of(address),
  }
}
