import type { StreamClient } from '../support/stream-client.ts'

/** How long clients were without a stream, in milliseconds, and how often their streams ended. */
export interface Silence {
  p50: number
  p90: number
  max: number
  /** Streams that ended in each silence: 1 where every client is on another Pod at once. */
  ends: number
}

/** Of what has happened since `before`, which an earlier call returned. */
export function silenceOf(clients: readonly StreamClient[], before: readonly SilenceMark[] = []): Silence {
  const all = clients.flatMap(({ silences }, i) => silences.slice(before[i]?.silences ?? 0))
  const sorted = all.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)
  const ends = clients.reduce((sum, client, i) => sum + client.ends - (before[i]?.ends ?? 0), 0)
  return { p50: at(0.5), p90: at(0.9), max: at(1), ends: Number((ends / sorted.length).toFixed(2)) }
}

/** Up to where silences have been counted. */
export interface SilenceMark {
  silences: number
  ends: number
}

export function markSilence(clients: readonly StreamClient[]): SilenceMark[] {
  return clients.map(({ silences, ends }) => ({ silences: silences.length, ends }))
}
