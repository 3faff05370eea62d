/**
 * Time, timers and random numbers. All code uses a clock for these, so that the simulation controls them. Only
 * signatures and `expiresAt` read the wall clock, because the wall clocks of two Pods never agree.
 */
export interface Clock {
  /** Milliseconds on a monotonic clock. */
  now(): number
  /** Calls `callback` once, after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void
  /**
   * Calls `callback` at the end of this turn of the event loop, after the callbacks of all that is ready. A clock without it has
   * no such turns: see {@link atTurnEnd}.
   */
  atTurnEnd?(callback: () => void): void
  /** A number from 0 up to, not including, 1. */
  random(): number
  /** Keeps the process alive, which the timers do not, until the returned function is called. */
  hold?(): () => void
}

/** Maximum delay of a timer in milliseconds, about 24.8 days; a timer with a longer delay fires at once. */
export const MAX_TIMER_MS = 2_147_483_647

/** Used for a delay of 0 in Node and Bun, because a timer takes a millisecond. */
const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }

/** Taken once, because Node looks up its global `performance` by a getter, and every event asks for the time. */
const { performance } = globalThis

/** Milliseconds of Unix time in 1973: a smaller time is in seconds. */
const MIN_UNIX_MS = 100_000_000_000

/** The expected value of {@link isUnixMs}. */
export const UNIX_MS = "milliseconds of Unix time: a JWT's exp times 1,000"

/** Returns whether the value is a time of the wall clock in milliseconds. */
export function isUnixMs(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= MIN_UNIX_MS
}

/** The clock of the machine. Its timers never keep the process alive. */
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
  ...(setImmediate !== undefined && { atTurnEnd: (callback: () => void) => void setImmediate(callback) }),
  random() {
    return (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 2 ** 32
  },
  hold() {
    const timer = setInterval(() => {}, MAX_TIMER_MS)
    return () => clearInterval(timer)
  },
}

/** Whole milliseconds from `at` to `now`, as Pods tell each other ages; 0 for a time that is yet to come. */
export function ageMs(at: number, now: number): number {
  return Math.max(0, Math.round(now - at))
}

/**
 * Calls `callback` at the end of this turn of the event loop: entries that are appended in one turn leave together, also
 * where each is appended by a callback of its own. It takes no time that a timer could count.
 */
export function atTurnEnd(clock: Clock, callback: () => void): void {
  if (clock.atTurnEnd === undefined) queueMicrotask(callback)
  else clock.atTurnEnd(callback)
}

/** Returns a function that calls `callback` at the end of the turn, once however often it is called in the turn. */
export function oncePerTurn(clock: Clock, callback: () => void): () => void {
  let isDue = false
  return () => {
    if (isDue) return
    isDue = true
    atTurnEnd(clock, () => {
      isDue = false
      callback()
    })
  }
}

/** Keeps the process alive until `promise` settles, if the clock supports it. */
export function keepAlive<T>(clock: Clock, promise: Promise<T>): Promise<T> {
  const release = clock.hold?.()
  return release === undefined ? promise : promise.finally(release)
}

/** Resolves as `call` does, or rejects with `error()` after `ms` milliseconds. */
export async function withTimeout<T>(
  clock: Clock,
  ms: number,
  call: () => T | PromiseLike<T>,
  error: () => Error,
): Promise<T> {
  const timeout = Promise.withResolvers<never>()
  const cancel = clock.after(ms, () => timeout.reject(error()))
  try {
    return await Promise.race([call(), timeout.promise])
  } finally {
    cancel()
  }
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

/** Runs `work`, with a turn of the event loop at each `yield`. An error of `work` ends it, and goes to `onError`. */
export function runYielding(
  clock: Clock,
  work: Generator<void>,
  onError: (error: unknown) => void,
  onDone: () => void = () => {},
): void {
  let done = true
  try {
    done = work.next().done === true
  } catch (error) {
    onError(error)
  }
  if (done) onDone()
  else clock.after(0, () => runYielding(clock, work, onError, onDone))
}
