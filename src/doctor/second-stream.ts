import { cached, cacheHeader } from './cache.ts'
import { type Finding, fail, formatMs, pass, sanitize, unknown } from './finding.ts'
import type { Probe, Session } from './probe.ts'
import { findMissingRetry } from './status.ts'

const STREAM_CHECK = 'second stream'
const ID_CHECK = 'Last-Event-ID'

/** Opens a second stream beside the first one. It sends an id, so that its first event shows whether the id arrives. */
export async function checkSecondStream(session: Session): Promise<Finding[]> {
  const probe = await session.probe({ sendsLastEventId: true })
  try {
    const isReceived = await probe.waitForFirstEvent(session.target.timeoutMs)
    if (!isReceived)
      return [await explainRefusal(session, probe), unknown(ID_CHECK, 'not checked without a second stream')]
    const header = cacheHeader(probe)
    if (header !== undefined) return [cached(`${header}, on the second stream`)]
    const { firstEvent } = probe.recording ?? {}
    const opened = pass(STREAM_CHECK, `first event after ${formatMs(firstEvent?.ms ?? 0)}`)
    if (firstEvent?.kind === 'gap') {
      const isHidden = probe.header('sser-resume') === undefined
      const note = isHidden ? '. A proxy or middleware removes the header Sser-Resume' : ''
      return [opened, pass(ID_CHECK, `arrives: sser answers an unknown id with a gap${note}`)]
    }
    if (await isGapUnderUniqueUrl(session))
      return [cached('a request with an id gets the response of the first one, except under a unique URL')]
    const message =
      'does not arrive: sser treats a request with an id as a new client. A client that reconnects loses the events in between, and gets no gap event'
    return [opened, fail(ID_CHECK, 'last-event-id', message)]
  } finally {
    probe.close()
  }
}

async function explainRefusal(session: Session, probe: Probe): Promise<Finding> {
  const missingRetry = await findMissingRetry(session, probe, STREAM_CHECK)
  if (missingRetry !== undefined) return missingRetry
  const status = probe.recording?.response.status
  const code = probe.header('sser-error')
  if (code !== undefined) {
    const message = `sser refuses it (${sanitize(code)}) while the first stream is open: a limit on connections`
    return fail(STREAM_CHECK, 'one-at-a-time', message)
  }
  const observed =
    status === undefined || status === 200
      ? `no event within ${formatMs(session.target.timeoutMs)}`
      : `status ${status}`
  const message = `${observed} while the first stream is open: a limit on connections, or a cache that serves one client at a time`
  return fail(STREAM_CHECK, 'one-at-a-time', message)
}

/** Checks whether sser answers an unknown id with a gap if the URL is unique, so that no cache can know it. */
async function isGapUnderUniqueUrl(session: Session): Promise<boolean> {
  const probe = await session.probe({ sendsLastEventId: true, bypassesCache: true })
  await probe.waitForFirstEvent(session.target.timeoutMs)
  probe.close()
  return probe.recording?.firstEvent?.kind === 'gap'
}
