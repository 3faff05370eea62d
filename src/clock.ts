/**
 * Time, timers and chance. Everything that waits or draws a number goes through one of these, so that the
 * simulation can own them all. Only signatures and `expiresAt` read the wall clock: two Pods' clocks never agree.
 */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** Calls back once, after `ms` milliseconds; the returned function calls it off. */
  after(ms: number, callback: () => void): () => void
  /** A number from 0 up to, not including, 1. */
  random(): number
  /** Keeps the process alive, which the timers do not, until the returned function is called. */
  hold?(): () => void
}

/** The most that a timer takes, in milliseconds, some 24.8 days; one that is given more fires at once. */
export const MAX_TIMER_MS = 2_147_483_647

/** What Node and Bun have for "after whatever else is due": a timer would take a millisecond. */
const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }

/** The machine's own clock. Its timers never keep a process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    if (ms === 0 && setImmediate !== undefined) {
      let isOff = false
      setImmediate(() => isOff || callback())
      return () => {
        isOff = true
      }
    }
    const timer: unknown = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
    return () => clearTimeout(timer as number)
  },
  random() {
    return (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 2 ** 32
  },
  hold() {
    const timer = setInterval(() => {}, MAX_TIMER_MS)
    return () => clearInterval(timer)
  },
}

/** Keeps the process alive until `promise` settles, where the clock can. */
export function keepAlive<T>(clock: Clock, promise: Promise<T>): Promise<T> {
  const release = clock.hold?.()
  return release === undefined ? promise : promise.finally(release)
}

/** Resolves after `ms` milliseconds, or as soon as the signal aborts. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}
