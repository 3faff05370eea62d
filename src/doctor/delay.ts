import { type Finding, fail, time } from './finding.ts'
import { isEventStream } from './head.ts'
import type { Visit, Ward } from './visit.ts'

/** Proxies hold events back for 100 or 200 ms. TCP's delayed acknowledgement, 40 ms, is less. */
const HELD_BACK_MS = 80
/** The shortest of them counts, because a busy network or Pod makes a time longer, never shorter. */
const ATTEMPTS = 3

/**
 * Compares the first event of several responses with the answers to HEAD requests: a HEAD response is complete, so a
 * proxy has no reason to hold it back.
 */
export async function delay(ward: Ward, main: Visit): Promise<Finding | undefined> {
  const { patienceMs } = ward.patient
  const events = [main.listening?.greeting?.ms ?? 0]
  const heads: number[] = []
  for (let i = 0; i < ATTEMPTS && Math.min(...events) >= HELD_BACK_MS; i += 1) {
    const head = await ward.visit({ method: 'HEAD', resumes: true })
    const event = await ward.visit()
    await Promise.all([head.head(patienceMs), event.greeted(patienceMs)])
    if (head.listening?.answer.status === 200 && isEventStream(head)) heads.push(head.listening.headMs)
    if (event.listening?.greeting !== undefined) events.push(event.listening.greeting.ms)
    head.close()
    event.close()
  }
  const eventMs = Math.min(...events)
  const headMs = Math.min(...heads)
  if (events.length <= ATTEMPTS || heads.length === 0 || eventMs - headMs < HELD_BACK_MS) return undefined
  const says = `in ${time(eventMs)} at best of ${events.length} requests, though the answer to a HEAD request takes ${time(headMs)}: a proxy holds each event back for ${time(eventMs - headMs)}, to send it together with the next one`
  return fail('first event', 'delayed', says)
}
