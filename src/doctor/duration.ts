import { type Finding, fail, formatMs, pass, unknown } from './finding.ts'
import type { Session } from './probe.ts'
import type { Recording } from './recording.ts'

const DEFAULT_HEARTBEAT_MS = 15_000
/** Heartbeats that are closer together were buffered, because sser sends them at least a second apart. */
const BURST_MS = 500
/** Tolerance between two measurements of one limit. */
const TOLERANCE_MS = 500
/** A stream that was cut later is not measured again, because that would take too long. */
const MAX_REPEATED_MS = 30_000
/** Sser spreads the heartbeats of connections, so several connections are silent for different times. */
const COMPANIONS = 5

/** Checks the heartbeats and the end of a stream that was recorded for `durationMs`, or until it ended. */
export async function checkDuration(
  session: Session,
  recording: Recording,
  durationMs: number,
): Promise<Finding[]> {
  const { end, last } = recording
  if (end === undefined) {
    const silence = Math.max(recording.longestSilenceMs, durationMs - recording.lastMs)
    const message = `open for ${formatMs(durationMs)}, longest silence ${formatMs(silence)}`
    return [checkHeartbeats(recording, durationMs), pass('duration', message)]
  }
  const heartbeats = checkHeartbeats(recording, end.ms)
  if (last?.kind === 'retry') {
    const message = `the Pod closed the stream after ${formatMs(end.ms)}, as Pods do when they stop. Run the doctor again`
    return [heartbeats, fail('duration', 'draining', message)]
  }
  const survivedLongerSilence = silenceMs(recording) < recording.longestSilenceMs - TOLERANCE_MS
  if (survivedLongerSilence) return [heartbeats, lengthCut(recording)]
  const others = end.ms < MAX_REPEATED_MS ? await recordCompanions(session, 2 * end.ms + 1_000) : []
  return [heartbeats, explainCut([recording, ...others])]
}

function checkHeartbeats({ heartbeats }: Recording, recordedMs: number): Finding {
  const intervals = heartbeats.slice(1).map((ms, i) => ms - (heartbeats[i] as number))
  const bursts = intervals.filter((ms) => ms < BURST_MS).length
  if (bursts > 0) {
    const message = `${bursts + 1} of ${heartbeats.length} arrived together: a proxy or middleware buffers events until it has enough data`
    return fail('heartbeat', 'bursts', message)
  }
  if (heartbeats.length > 1) {
    const mean = intervals.reduce((sum, ms) => sum + ms, 0) / intervals.length
    return pass('heartbeat', `${heartbeats.length} received, one every ${formatMs(mean)}`)
  }
  if (heartbeats.length === 1)
    return pass('heartbeat', `one received, after ${formatMs(heartbeats[0] as number)}`)
  const observed = `none in ${formatMs(recordedMs)}`
  if (recordedMs > 2 * DEFAULT_HEARTBEAT_MS) {
    const message = `${observed}, but sser sends one every 15 s by default: a proxy or middleware buffers them, or the option heartbeatMs of the server is longer`
    return fail('heartbeat', 'silent', message)
  }
  return unknown('heartbeat', `${observed}; the default interval is 15 s: use a longer --duration`)
}

/** Opens several streams at once, and records each for `ms` or until it ends. */
async function recordCompanions(session: Session, ms: number): Promise<Recording[]> {
  const probes = await Promise.all(Array.from({ length: COMPANIONS }, () => session.probe()))
  await Promise.all(probes.map((probe) => probe.waitForFirstEvent(session.target.timeoutMs)))
  const opened = probes.flatMap(({ recording }) => (recording?.firstEvent === undefined ? [] : [recording]))
  await Promise.all(opened.map((recording) => recording.untilEnd(ms)))
  for (const probe of probes) probe.close()
  return opened
}

/** Tells an idle limit from a limit on the length of a response: the limit is equal for all streams. */
function explainCut(recordings: readonly Recording[]): Finding {
  const [first] = recordings as [Recording]
  const ended = recordings.filter(({ end }) => end !== undefined)
  const lengths = spread(ended.map(lengthMs))
  const silences = spread(ended.map(silenceMs))
  if (ended.length < recordings.length) {
    const message = `${verb(first)} after ${formatMs(lengthMs(first))}, but ${recordings.length - ended.length} later streams stayed open longer: a Pod may have died, or a proxy may have reloaded its configuration. Run the doctor again`
    return fail('duration', 'cut', message)
  }
  if (silences < TOLERANCE_MS && lengths > TOLERANCE_MS) {
    const message = `${verb(first)} after ${formatMs(silenceMs(first))} without an event: the idle timeout of a proxy is shorter than the heartbeat interval`
    return fail('duration', 'idle-cut', message)
  }
  if (lengths < TOLERANCE_MS && silences > TOLERANCE_MS) return lengthCut(first)
  const message = `${verb(first)} after ${formatMs(lengthMs(first))}, ${formatMs(silenceMs(first))} after the last event: the idle timeout of a proxy is shorter than the heartbeat interval, or a proxy limits the duration of a response`
  return fail('duration', 'cut', message)
}

function lengthCut(recording: Recording): Finding {
  const message = `${verb(recording)} after ${formatMs(lengthMs(recording))}, although the last event was only ${formatMs(silenceMs(recording))} old: a proxy limits the duration of a response`
  return fail('duration', 'length-cut', message)
}

function verb({ end }: Recording): string {
  return end?.isClean ? 'ended' : 'cut'
}

function lengthMs({ end }: Recording): number {
  return end?.ms ?? 0
}

/** Time between the last chunk and the end. */
function silenceMs(recording: Recording): number {
  return lengthMs(recording) - recording.lastMs
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values)
}
