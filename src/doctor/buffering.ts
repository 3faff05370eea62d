import { type Finding, fail, formatMs, pass } from './finding.ts'
import { isEventStream } from './headers.ts'
import type { Probe, Session } from './probe.ts'

const CHECK = 'first event'
/** Proxies delay events by 100 or 200 ms. Delayed acknowledgements of TCP cost 40 ms and must not count. */
const MIN_DELAY_MS = 80
/** The shortest of several times counts, because a busy network or Pod only makes a time longer. */
const ATTEMPTS = 3

/** Checks a first event that came in time: a proxy may still have delayed it. */
export async function checkFirstEvent(session: Session, main: Probe): Promise<Finding> {
  const delayed = await findDelay(session, main)
  if (delayed !== undefined) return delayed
  const { firstEvent, headMs = 0 } = main.recording ?? {}
  return pass(CHECK, `after ${formatMs(firstEvent?.ms ?? 0)} (response headers after ${formatMs(headMs)})`)
}

/**
 * Compares the time of the first event of several responses with the time of responses to `HEAD`, which are complete,
 * so that a proxy has no reason to delay them.
 */
async function findDelay(session: Session, main: Probe): Promise<Finding | undefined> {
  const { timeoutMs } = session.target
  const events = [main.recording?.firstEvent?.ms ?? 0]
  const heads: number[] = []
  for (let i = 0; i < ATTEMPTS && Math.min(...events) >= MIN_DELAY_MS; i += 1) {
    const head = await session.probe({ method: 'HEAD', sendsLastEventId: true })
    const event = await session.probe()
    await Promise.all([head.waitForHead(timeoutMs), event.waitForFirstEvent(timeoutMs)])
    if (head.recording?.response.status === 200 && isEventStream(head)) heads.push(head.recording.headMs)
    if (event.recording?.firstEvent !== undefined) events.push(event.recording.firstEvent.ms)
    head.close()
    event.close()
  }
  const eventMs = Math.min(...events)
  const headMs = Math.min(...heads)
  if (events.length <= ATTEMPTS || heads.length === 0 || eventMs - headMs < MIN_DELAY_MS) return undefined
  const message = `after ${formatMs(eventMs)} in the fastest of ${events.length} requests, but HEAD is answered after ${formatMs(headMs)}: a proxy delays each event by ${formatMs(eventMs - headMs)} because it waits for more data to send`
  return fail(CHECK, 'delayed', message)
}

/**
 * Explains why `main` received no event in time, from three more requests: the same again, one that accepts no
 * compression, and a `HEAD`, because its response has no body that a proxy could buffer.
 */
export async function explainLateEvent(session: Session, main: Probe): Promise<Finding> {
  const { timeoutMs } = session.target
  const limitMs = 3 * timeoutMs
  const again = await session.probe()
  const plain = await session.probe({ refusesCompression: true })
  const head = await session.probe({ method: 'HEAD', sendsLastEventId: true })
  await Promise.all([
    again.waitForFirstEvent(limitMs),
    plain.waitForFirstEvent(limitMs),
    head.waitForHead(limitMs),
  ])
  const waited = formatMs(timeoutMs + limitMs)
  const headMs = head.recording?.headMs ?? Number.POSITIVE_INFINITY
  const [lateMs, againMs, plainMs] = [main, again, plain].map(({ recording }) => recording?.firstEvent?.ms)
  for (const probe of [again, plain, head]) probe.close()
  const isInTime = (ms: number | undefined): ms is number => ms !== undefined && ms < timeoutMs

  const observed = lateMs === undefined ? `none in ${waited}` : `only after ${formatMs(lateMs)}`
  if (isInTime(againMs)) {
    const message = `${observed}, but the same request sent again got one after ${formatMs(againMs)}: one of several Pods hangs or is slow. Run the doctor again`
    return fail(CHECK, 'slow', message)
  }
  if (isInTime(plainMs)) {
    const message = `${observed}, but a request that does not accept gzip got one after ${formatMs(plainMs)}: a proxy or middleware compresses the response and keeps the events in its buffer`
    return fail(CHECK, 'compressed', message)
  }
  if (lateMs !== undefined && !isInTime(headMs)) {
    const message = `${observed}, and HEAD is as slow (${formatMs(headMs)}): the network or the server is slow, not the stream`
    return fail(CHECK, 'slow', message)
  }
  if (!isInTime(headMs)) {
    const message = `${observed}, and no response to HEAD in time either: the server behind the proxy does not respond, or the proxy cannot reach it`
    return fail(CHECK, 'silent', message)
  }
  if (head.header('sser-resume') !== undefined) {
    const headers = main.recording === undefined ? ', not even the response headers' : ''
    const message = `${observed}${headers}, but sser answers HEAD after ${formatMs(headMs)}: a proxy or middleware buffers the response`
    return fail(CHECK, 'buffered', message)
  }
  const message = `${observed}, but HEAD is answered after ${formatMs(headMs)} with status ${head.recording?.response.status}: a proxy or middleware buffers the response, or this is not sser, which sends an event at once`
  return fail(CHECK, 'silent', message)
}
