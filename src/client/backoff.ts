import type { Clock } from '../clock.ts'

/** Longest wait after the first failure, in milliseconds. */
export const RETRY_MS = 2_000
/** Longest wait that the client chooses by itself, in milliseconds. */
export const MAX_RETRY_MS = 30_000

/** A random wait; its limit begins at `retryMs` and doubles with each failure before. */
export function backoffMs(clock: Clock, failures: number, retryMs: number = RETRY_MS): number {
  return clock.random() * Math.min(MAX_RETRY_MS, retryMs * 2 ** failures)
}
