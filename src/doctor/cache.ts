import { type Finding, fail, sanitize } from './finding.ts'
import type { Probe, Session } from './probe.ts'

const CACHE_STATUS_HEADERS = ['cf-cache-status', 'x-cache', 'x-cache-status', 'x-proxy-cache', 'cache-status']
/** A response that is complete in a cache ends at once. */
const CACHED_END_MS = 200

export function cached(evidence: string): Finding {
  const message = `the response comes from a cache (${evidence}): clients get old events and no new ones`
  return fail('cache', 'cached', message)
}

/** Looks for a cache in the headers of `main`; if its response has ended, also with further requests. */
export async function findCache(session: Session, main: Probe): Promise<string | undefined> {
  return cacheHeader(main) ?? (await findCachedEnd(session, main))
}

/**
 * Returns the header that proves that a response comes from a cache. `Age: 0` proves nothing: Varnish adds it to each
 * response.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9111.html#name-age
 */
export function cacheHeader(probe: Probe): string | undefined {
  const age = probe.header('age')
  if (age !== undefined && Number(age) > 0) return `age: ${sanitize(age)}`
  // Varnish appends the number of the earlier request that stored the object.
  const numbers = probe.header('x-varnish')
  if (numbers !== undefined && /^\d+ \d+$/.test(numbers)) return `x-varnish: ${sanitize(numbers)}`
  for (const name of CACHE_STATUS_HEADERS) {
    const value = probe.header(name)
    if (value !== undefined && /\bhit\b/i.test(value)) return `${name}: ${sanitize(value)}`
  }
  return undefined
}

/** Checks whether the response ends at once each time, except for a URL that no cache can know. */
async function findCachedEnd(session: Session, main: Probe): Promise<string | undefined> {
  const { timeoutMs } = session.target
  await main.recording?.untilEnd(Math.min(timeoutMs, CACHED_END_MS))
  if (main.recording?.end === undefined) return undefined
  const [again, fresh] = await Promise.all([session.probe(), session.probe({ bypassesCache: true })])
  await Promise.all([again, fresh].map((probe) => probe.waitForFirstEvent(timeoutMs)))
  await Promise.all([again, fresh].map((probe) => probe.recording?.untilEnd(timeoutMs / 2)))
  const isCached =
    again.recording?.end !== undefined &&
    fresh.recording?.firstEvent !== undefined &&
    fresh.recording.end === undefined
  again.close()
  fresh.close()
  return isCached ? 'it ends at once, but the response to a unique URL stays open' : undefined
}
