import type { StreamClient } from '../support/stream-client.ts'

/** Times of clients without a stream, in milliseconds, and the mean number of stream ends. */
export interface Silence {
  p50: number
  p90: number
  max: number
  /** Mean number of stream ends in each time without a stream: 1 if every client reaches another Pod at once. */
  ends: number
}

/** Summarizes the times without a stream since `before`, the result of an earlier {@link markSilence}. */
export function silenceOf(clients: readonly StreamClient[], before: readonly SilenceMark[] = []): Silence {
  const all = clients.flatMap(({ silences }, i) => silences.slice(before[i]?.silences ?? 0))
  const sorted = all.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)
  const ends = clients.reduce((sum, client, i) => sum + client.ends - (before[i]?.ends ?? 0), 0)
  return { p50: at(0.5), p90: at(0.9), max: at(1), ends: Number((ends / sorted.length).toFixed(2)) }
}

/** Counts of one client at a point in time. */
export interface SilenceMark {
  silences: number
  ends: number
}

export function markSilence(clients: readonly StreamClient[]): SilenceMark[] {
  return clients.map(({ silences, ends }) => ({ silences: silences.length, ends }))
}
