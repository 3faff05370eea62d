import { type Clock, MAX_TIMER_MS, systemClock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { SserOptions } from '../options.ts'
import { Sser } from '../sser.ts'
import type { Fetch } from '../transport/peer-transport.ts'
import type { ManualClock } from './manual-clock.ts'

// Read while the module loads, because a test replaces them later.
const { Date: realDate, setInterval, clearInterval } = globalThis
const { now: realNow } = performance

interface PendingTimer {
  dueAt: number
  callback: () => void
  cancel: () => void
}

/**
 * The time of a test: that of the machine, or of the fake timers that replace it (Vitest, Jest, Sinon, `node:test`, Bun).
 * It never runs backwards and never leaps when a test installs or removes fake timers, or sets the date, because an
 * instance takes a leap for a process that was paused.
 */
class TestClock implements Clock {
  readonly random: () => number = systemClock.random
  readonly #timers = new Set<PendingTimer>()
  #setTimeout = globalThis.setTimeout
  #now = 0
  #base = { now: 0, monotonic: 0, wall: 0 }
  #last = { monotonic: Number.POSITIVE_INFINITY, wall: 0, isFaked: false }

  now(): number {
    this.#follow()
    const monotonic = performance.now()
    const wall = Date.now()
    // `node:test` fakes the date alone.
    const isFaked = Date !== realDate && performance.now === realNow
    const last = this.#last
    this.#last = { monotonic, wall, isFaked }
    if (monotonic < last.monotonic || wall < last.wall || isFaked !== last.isFaked)
      this.#base = { now: this.#now, monotonic, wall }
    const wallMs = wall - this.#base.wall
    // The lesser of the two, because a leap of one alone is a date that was set, or timers that were replaced.
    const elapsedMs = isFaked ? wallMs : Math.min(wallMs, monotonic - this.#base.monotonic)
    this.#now = Math.max(this.#now, this.#base.now + elapsedMs)
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    // A delay of 0 yields to the event loop, which fake timers must not delay.
    if (ms === 0) return systemClock.after(0, callback)
    const timer: PendingTimer = { dueAt: this.now() + ms, callback, cancel: () => {} }
    this.#timers.add(timer)
    this.#arm(timer, ms)
    return () => {
      this.#timers.delete(timer)
      timer.cancel()
    }
  }

  /** Keeps the process alive by a real timer, so that "run all timers" of a fake clock comes to an end. */
  hold(): () => void {
    const timer = setInterval(() => {}, MAX_TIMER_MS)
    return () => clearInterval(timer)
  }

  /** Moves the pending timers to the timers that a test has installed or removed since the last call. */
  #follow(): void {
    if (this.#setTimeout === globalThis.setTimeout) return
    this.#setTimeout = globalThis.setTimeout
    for (const timer of this.#timers) {
      timer.cancel()
      this.#arm(timer, Math.max(0, timer.dueAt - this.#now))
    }
  }

  #arm(timer: PendingTimer, ms: number): void {
    const { clearTimeout } = globalThis
    const handle: unknown = globalThis.setTimeout(
      () => {
        if (!this.#timers.delete(timer)) return
        // Also where a test fakes the timers alone, and no clock shows that time has passed.
        this.#now = Math.max(this.now(), timer.dueAt)
        timer.callback()
      },
      Math.min(ms, MAX_TIMER_MS),
    )
    if (typeof handle === 'object' && handle !== null && 'unref' in handle)
      (handle as { unref(): void }).unref()
    timer.cancel = () => clearTimeout(handle as number)
  }
}

/** Options of {@link createSser}: the options of `new Sser()`, without `peerFinder` and `internalPort`. */
export interface TestOptions extends Omit<SserOptions, 'peerFinder' | 'internalPort'> {
  /**
   * Time that the test itself advances.
   * @default real time, or that of the fake timers which the test has installed
   */
  clock?: ManualClock | undefined
}

/** Parts that connect an instance to a network in memory. */
export interface Network {
  peerFinder: NonNullable<SserOptions['peerFinder']>
  peerFetch: Fetch
}

/**
 * An instance for tests. It opens no port, logs nothing, and ends its connections at once in `stop()`, because a test
 * has no clients to spread over time.
 */
export function createInstance({ clock, ...options }: TestOptions, network?: Network): Sser {
  if ((options as SserOptions).peerFinder !== undefined)
    throw new SserError(
      'invalid-options',
      'Option "peerFinder": instances of sser/testing find their peers in memory; call createFleet(size), or for real peers new Sser({ peerFinder })',
    )
  const time: Clock = clock ?? new TestClock()
  const { peerFinder, peerFetch } = network ?? {}
  return new Sser({ logger: false, drainTimeoutMs: 0, ...options, peerFinder }, { clock: time, peerFetch })
}

/**
 * Creates and starts an instance without peers and without ports, for unit tests of an app that sends or serves events.
 * @throws SserError `invalid-options`
 * @example
 * await using sser = await createSser()
 * const app = createApp(sser)
 */
export async function createSser(options: TestOptions = {}): Promise<Sser> {
  const sser = createInstance(options)
  await sser.start()
  return sser
}
