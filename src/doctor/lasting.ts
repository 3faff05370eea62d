import { type Finding, fail, pass, time, unknown } from './finding.ts'
import type { Listening } from './listening.ts'

const DEFAULT_HEARTBEAT_MS = 15_000
/** No server sends two heartbeats in less than a second. */
const BURST_MS = 500
/** How much two measurements of one limit may differ. */
const TOLERANCE_MS = 500

/** Heartbeats come one by one, and the stream lasts: of a response that was listened to for `idleMs`, or to its end. */
export function lasting(listening: Listening, idleMs: number): Finding[] {
  const { end } = listening
  if (end === undefined) {
    const says = `open for ${time(idleMs)}, the longest silence ${time(listening.longestSilenceMs)}`
    return [heartbeats(listening, idleMs), pass('duration', says)]
  }
  if (listening.last?.kind === 'retry') {
    const says = `the Pod sent its client away after ${time(end.ms)}, as Pods that stop do: ask again`
    return [heartbeats(listening, end.ms), fail('duration', 'draining', says)]
  }
  return [heartbeats(listening, end.ms), cut(listening, end.ms)]
}

function heartbeats({ beats }: Listening, listenedMs: number): Finding {
  const gaps = beats.slice(1).map((ms, i) => ms - (beats[i] as number))
  const bursts = gaps.filter((ms) => ms < BURST_MS).length
  if (bursts > 0) {
    const says = `${bursts + 1} of ${beats.length} came together: something on the way buffers, and passes on what it has when it has enough`
    return fail('heartbeat', 'bursts', says)
  }
  if (beats.length > 1) {
    const mean = gaps.reduce((sum, ms) => sum + ms, 0) / gaps.length
    return pass('heartbeat', `${beats.length}, one every ${time(mean)}`)
  }
  if (beats.length === 1) return pass('heartbeat', `the first after ${time(beats[0] as number)}`)
  if (listenedMs > 2 * DEFAULT_HEARTBEAT_MS) {
    const says = `none in ${time(listenedMs)}, where the default is one every 15 s: something on the way holds them back, or the server's heartbeatMs is longer`
    return fail('heartbeat', 'silent', says)
  }
  return unknown(
    'heartbeat',
    `none in ${time(listenedMs)}; the default is one every 15 s: listen longer, with --idle`,
  )
}

/** Whether it was the silence that was too long, or the response. */
function cut({ lastMs, longestSilenceMs, beats, end }: Listening, ms: number): Finding {
  const silence = ms - lastMs
  const how = end?.isClean ? 'ended' : 'cut off'
  if (beats.length > 0 && silence > longestSilenceMs + TOLERANCE_MS) {
    const says = `${how} after ${time(silence)} without an event, and ${time(ms)} in all: something on the way has an idle limit below the heartbeat`
    return fail('duration', 'idle-cut', says)
  }
  if (beats.length > 0) {
    const says = `${how} after ${time(ms)}, and only ${time(silence)} after an event: something on the way limits how long a response may last`
    return fail('duration', 'length-cut', says)
  }
  const says = `${how} after ${time(ms)}, before any heartbeat: an idle limit on the way below the heartbeat, or a limit on how long a response may last, or a Pod that died`
  return fail('duration', 'cut', says)
}
