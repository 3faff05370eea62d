import { type Finding, fail, pass, time, unknown } from './finding.ts'
import type { Listening } from './listening.ts'

const DEFAULT_HEARTBEAT_MS = 15_000
/** No server sends two heartbeats in less than a second. */
const BURST_MS = 500
/** How much two measurements of one limit may differ. */
const TOLERANCE_MS = 500
/** What is cut later is not listened to again: it would take too long. */
const AGAIN_MS = 30_000
/** So many clients at once: a server spreads its heartbeats over those that come one after another. */
const COMPANIONS = 5

/**
 * Heartbeats come one by one, and the stream lasts: of a response that was listened to for `idleMs`, or to its end.
 * `listenTo` opens some more, for as many milliseconds.
 */
export async function lasting(
  listening: Listening,
  idleMs: number,
  listenTo: (clients: number, ms: number) => Promise<readonly Listening[]>,
): Promise<Finding[]> {
  const { end, last } = listening
  if (end === undefined) {
    const says = `open for ${time(idleMs)}, the longest silence ${time(listening.longestSilenceMs)}`
    return [heartbeats(listening, idleMs), pass('duration', says)]
  }
  const beats = heartbeats(listening, end.ms)
  if (last?.kind === 'retry') {
    const says = `the Pod sent its client away after ${time(end.ms)}, as Pods that stop do: ask again`
    return [beats, fail('duration', 'draining', says)]
  }
  const isSurelyLength = silence(listening) < listening.longestSilenceMs - TOLERANCE_MS
  const isAskedAgain = !isSurelyLength && end.ms < AGAIN_MS
  const others = isAskedAgain ? await listenTo(COMPANIONS, 2 * end.ms + 1_000) : []
  return [beats, isSurelyLength ? tooLong(listening) : cut([listening, ...others])]
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

/** Whether it was the silence that was too long, or the response: the one that is the same for all clients. */
function cut(listenings: readonly Listening[]): Finding {
  const [first] = listenings as [Listening]
  const ended = listenings.filter(({ end }) => end !== undefined)
  const lengths = spread(ended.map(length))
  const silences = spread(ended.map(silence))
  if (ended.length < listenings.length) {
    const says = `${how(first)} after ${time(length(first))}, while ${listenings.length - ended.length} that came later lasted for longer: it may have been a Pod that died, or an edge that read its configuration anew. Ask again`
    return fail('duration', 'cut', says)
  }
  if (silences < TOLERANCE_MS && lengths > TOLERANCE_MS) {
    const says = `${how(first)} after ${time(silence(first))} without an event: something on the way has an idle limit below the heartbeat`
    return fail('duration', 'idle-cut', says)
  }
  if (lengths < TOLERANCE_MS && silences > TOLERANCE_MS) return tooLong(first)
  const says = `${how(first)} after ${time(length(first))}, ${time(silence(first))} after the last event: an idle limit on the way below the heartbeat, or a limit on how long a response may last`
  return fail('duration', 'cut', says)
}

function tooLong(listening: Listening): Finding {
  const says = `${how(listening)} after ${time(length(listening))}, however long ago the last event was (${time(silence(listening))}): something on the way limits how long a response may last`
  return fail('duration', 'length-cut', says)
}

function how({ end }: Listening): string {
  return end?.isClean ? 'ended' : 'cut off'
}

function length({ end }: Listening): number {
  return end?.ms ?? 0
}

/** Between the last that came and the end. */
function silence(listening: Listening): number {
  return length(listening) - listening.lastMs
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values)
}
