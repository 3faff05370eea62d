import { type Finding, fail } from './finding.ts'
import type { Visit, Ward } from './visit.ts'

/** A proxy has one of these for a Pod that it does not reach. */
const UNREACHED = new Set([502, 503, 504])
const MORE = 5

/**
 * Makes more requests after a refusal. If some of them are answered with events, one Pod of several is gone; if none
 * is, the route is wrong or a limit is reached.
 */
export async function noRetry(ward: Ward, visit: Visit, check: string): Promise<Finding | undefined> {
  const status = visit.listening?.answer.status ?? 0
  if (!UNREACHED.has(status) || visit.header('sser-error') !== undefined) return undefined
  let answered = 0
  for (let i = 0; i < MORE; i += 1) {
    const more = await ward.visit()
    if (await more.greeted(ward.patient.patienceMs)) answered += 1
    more.close()
  }
  if (answered === 0) return undefined
  const says = `a request got a ${status}, though ${answered} of ${MORE} more are answered with events: a Pod is gone and the edge asks no other one in its place, or a rate limit is reached. An EventSource that gets a ${status} never comes back`
  return fail(check, 'no-retry', says)
}
