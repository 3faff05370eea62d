import { delay } from './delay.ts'
import { type Finding, fail, pass, shown, time, unknown } from './finding.ts'
import {
  cacheControl,
  cacheTrace,
  compression,
  contentType,
  firstEvent,
  http2,
  isEventStream,
  notSser,
} from './head.ts'
import { whyHeld } from './held.ts'
import { lasting } from './lasting.ts'
import { NoLine } from './line.ts'
import type { Listening } from './listening.ts'
import { noRetry } from './retries.ts'
import { whyStatus } from './status.ts'
import { type Patient, type Visit, Ward } from './visit.ts'

export interface Examination extends Patient {
  /** How long to listen, in milliseconds. */
  idleMs: number
}

/** What is seen, as it is seen: an event stream that is opened through whatever stands between. */
export async function* examine(examination: Examination): AsyncGenerator<Finding, void, void> {
  const ward = new Ward(examination)
  try {
    yield* findings(ward, examination)
  } catch (error) {
    if (!(error instanceof NoLine)) throw error
    yield fail('connection', error.reason, shown(error.message))
  } finally {
    ward.close()
  }
}

async function* findings(ward: Ward, { url, patienceMs, idleMs }: Examination): AsyncGenerator<Finding> {
  const main = await ward.visit()
  const { line } = main.asked
  yield pass('connection', `${line.says}, in ${time(line.ms)}`)
  yield http2(line, url)

  const isHeadLate = !(await main.head(patienceMs))
  const held = isHeadLate ? await whyHeld(ward, main) : undefined
  // The head may have come meanwhile, and tell more.
  if (main.fault !== undefined) return yield noHead(main.fault)
  const status = main.listening?.answer.status
  if (status !== undefined && status !== 200)
    return yield (await noRetry(ward, main, 'status')) ?? (await whyStatus(ward.patient, main))
  if (held !== undefined) {
    yield held
    if (held.cause !== 'slow' || status === undefined) return
  }
  yield pass('status', '200')

  const isGreeted = await main.greeted(patienceMs)
  const { listening } = main as Visit & { listening: NonNullable<Visit['listening']> }
  if (!isGreeted && isEventStream(main)) {
    if (listening.end === undefined && !listening.isOversized) return yield await whyHeld(ward, main)
    if (listening.last?.kind !== 'retry') return yield notSser(main)
    const trace = cacheTrace(main) ?? (await cachedEnd(ward, main))
    return yield trace === undefined ? notReady(listening.end?.ms ?? 0) : cached(trace)
  }
  const isOwn = listening.greeting?.kind === 'position' || listening.greeting?.kind === 'gap'
  if (!isOwn) return yield notSser(main)
  yield contentType(main)
  yield cacheControl(main)
  yield compression(main)
  if (held === undefined) yield (await delay(ward, main)) ?? firstEvent(main)

  const trace = cacheTrace(main) ?? (await cachedEnd(ward, main))
  if (trace !== undefined) {
    yield cached(trace)
    return
  }
  yield pass('cache', 'no trace of one')
  if (listening.end === undefined) yield* await second(ward)

  await listening.until(() => false, Math.max(0, idleMs - (performance.now() - main.asked.askedAt)))
  yield* await lasting(listening, idleMs, (clients, ms) => companions(ward, clients, ms))
}

function cached(trace: string): Finding {
  const says = `the answer comes out of a cache on the way (${trace}): clients get old events, and none that are new`
  return fail('cache', 'cached', says)
}

function noHead(error: Error): Finding {
  const code = String((error as { code?: unknown }).code ?? '')
  if (code.startsWith('HPE_'))
    return fail('status', 'no-http', `what comes is no HTTP (${shown(error.message)})`)
  return fail(
    'status',
    'no-answer',
    `the connection was closed before an answer came (${shown(error.message)})`,
  )
}

function notReady(ms: number): Finding {
  const says = `sser answered, and ended the response after ${time(ms)}: the Pod is not ready. See its /readyz`
  return fail('first event', 'not-ready', says)
}

/** A stream that ends at once, each time, except where a cache cannot know it. */
async function cachedEnd(ward: Ward, main: Visit): Promise<string | undefined> {
  const { patienceMs } = ward.patient
  await main.listening?.until(() => false, Math.min(patienceMs, 200))
  if (main.listening?.end === undefined) return undefined
  const [again, fresh] = await Promise.all([ward.visit(), ward.visit({ isFresh: true })])
  await Promise.all([again.greeted(patienceMs), fresh.greeted(patienceMs)])
  await Promise.all([again, fresh].map((visit) => visit.listening?.until(() => false, patienceMs / 2)))
  const isCached =
    again.listening?.end !== undefined &&
    fresh.listening?.greeting !== undefined &&
    fresh.listening.end === undefined
  again.close()
  fresh.close()
  return isCached ? 'it ends at once, but not under a URL that no cache knows' : undefined
}

/** Some clients more, heard to their end, or for so long. */
async function companions(ward: Ward, clients: number, ms: number): Promise<Listening[]> {
  const visits = await Promise.all(Array.from({ length: clients }, () => ward.visit()))
  await Promise.all(visits.map((visit) => visit.greeted(ward.patient.patienceMs)))
  const greeted = visits.flatMap(({ listening }) => (listening?.greeting === undefined ? [] : [listening]))
  await Promise.all(greeted.map((listening) => listening.until(() => false, ms)))
  for (const visit of visits) visit.close()
  return greeted
}

/** Another client beside the first, which comes with an id. */
async function second(ward: Ward): Promise<Finding[]> {
  const check = 'Last-Event-ID'
  const { patienceMs } = ward.patient
  const visit = await ward.visit({ resumes: true })
  try {
    const isGreeted = await visit.greeted(patienceMs)
    const { listening } = visit
    if (!isGreeted || listening === undefined) {
      const refusal = await noRetry(ward, visit, 'second stream')
      if (refusal !== undefined) return [refusal, unknown(check, 'the second stream was to tell')]
      const status = listening?.answer.status
      const what =
        status === undefined || status === 200 ? `got nothing in ${time(patienceMs)}` : `got a ${status}`
      const says = `a client beside the first one ${what}: a limit on connections, or a cache that lets one client at a time through`
      return [fail('second stream', 'one-at-a-time', says), unknown(check, 'the second stream was to tell')]
    }
    const trace = cacheTrace(visit)
    if (trace !== undefined)
      return [fail('cache', 'cached', `a second client is answered out of a cache (${trace})`)]
    const resume = visit.header('sser-resume')
    const beside = pass('second stream', `in ${time(listening.greeting?.ms ?? 0)}`)
    if (listening.greeting?.kind === 'gap') {
      const header = resume === undefined ? '; the header Sser-Resume is taken away' : ''
      return [beside, pass(check, `it arrives: sser told a gap of an id that it cannot read${header}`)]
    }
    if (await isGapUnderNewUrl(ward))
      return [
        fail('cache', 'cached', 'a second client is answered as the first one was, but not under a new URL'),
      ]
    const says =
      'it does not arrive: sser greeted a client that came with an id as a new one. A client that reconnects misses what came meanwhile, and is not told'
    return [beside, fail(check, 'last-event-id', says)]
  } finally {
    visit.close()
  }
}

/** Whether a client with an id that no Pod can read is told a gap where no cache can know the URL. */
async function isGapUnderNewUrl(ward: Ward): Promise<boolean> {
  const visit = await ward.visit({ resumes: true, isFresh: true })
  await visit.greeted(ward.patient.patienceMs)
  const { listening } = visit
  visit.close()
  return listening?.greeting?.kind === 'gap'
}
