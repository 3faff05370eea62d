import { checkFirstEvent, explainLateEvent } from './buffering.ts'
import { cached, findCache } from './cache.ts'
import { ConnectError } from './connection.ts'
import { checkDuration } from './duration.ts'
import { type Finding, fail, formatMs, pass, sanitize } from './finding.ts'
import {
  checkCacheControl,
  checkCompression,
  checkContentType,
  checkHttp2,
  isEventStream,
  notSser,
} from './headers.ts'
import { type Probe, Session, type Target } from './probe.ts'
import { checkSecondStream } from './second-stream.ts'
import { explainStatus, findMissingRetry } from './status.ts'

export interface CheckOptions extends Target {
  /** How long to record the stream, in milliseconds. */
  durationMs: number
  /** Called before the stream is recorded for `ms` more milliseconds. */
  onRecord?: (ms: number) => void
}

/** Opens an event stream at the target, and yields each finding as soon as it is known. */
export async function* runChecks(options: CheckOptions): AsyncGenerator<Finding, void, void> {
  const session = new Session(options)
  try {
    yield* findings(session, options)
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    yield fail('connection', error.reason, sanitize(error.message))
  } finally {
    session.close()
  }
}

async function* findings(session: Session, options: CheckOptions): AsyncGenerator<Finding> {
  const { url, timeoutMs, durationMs, onRecord } = options
  const main = await session.probe()
  const { connection, sentAt } = main.exchange
  yield pass('connection', `${connection.description}, open after ${formatMs(connection.ms)}`)
  yield checkHttp2(connection, url)

  const isHeadInTime = await main.waitForHead(timeoutMs)
  const late = isHeadInTime ? undefined : await explainLateEvent(session, main)
  // The response may have arrived in the meantime: its error or status explains more.
  if (main.error !== undefined) return yield explainNoResponse(main.error)
  const status = main.recording?.response.status
  // sser refuses clients that accept only event streams with a 200, because an EventSource does not reconnect otherwise.
  const isRefused = status !== 200 || main.header('sser-error') !== undefined
  if (status !== undefined && isRefused)
    return yield (await findMissingRetry(session, main, 'status')) ?? (await explainStatus(options, main))
  if (late !== undefined) {
    yield late
    if (late.cause !== 'slow' || status === undefined) return
  }
  yield pass('status', '200')

  const isEventInTime = await main.waitForFirstEvent(timeoutMs)
  const { recording } = main as Probe & { recording: NonNullable<Probe['recording']> }
  if (!isEventInTime && isEventStream(main)) {
    if (recording.end === undefined && !recording.isOversized)
      return yield await explainLateEvent(session, main)
    if (recording.last?.kind !== 'retry') return yield notSser(main, url)
    const evidence = await findCache(session, main)
    return yield evidence === undefined ? notReady(recording.end?.ms ?? 0) : cached(evidence)
  }
  const { kind } = recording.firstEvent ?? {}
  if (kind !== 'position' && kind !== 'gap') return yield notSser(main, url)
  yield checkContentType(main)
  yield checkCacheControl(main)
  yield checkCompression(main)
  if (late === undefined) yield await checkFirstEvent(session, main)

  const evidence = await findCache(session, main)
  if (evidence !== undefined) return yield cached(evidence)
  yield pass('cache', 'no sign of one')
  if (recording.end === undefined) yield* await checkSecondStream(session)

  const remainingMs = Math.max(0, durationMs - (performance.now() - sentAt))
  if (recording.end === undefined) onRecord?.(remainingMs)
  await recording.untilEnd(remainingMs)
  yield* await checkDuration(session, recording, durationMs)
}

function explainNoResponse(error: Error): Finding {
  const code = String((error as { code?: unknown }).code ?? '')
  if (code.startsWith('HPE_'))
    return fail('status', 'no-http', `the response is not HTTP (${sanitize(error.message)})`)
  const message = `the connection was closed before a response arrived (${sanitize(error.message)})`
  return fail('status', 'no-answer', message)
}

function notReady(ms: number): Finding {
  const message = `none: sser ended the response after ${formatMs(ms)} because the Pod is not ready. See its /readyz`
  return fail('first event', 'not-ready', message)
}
