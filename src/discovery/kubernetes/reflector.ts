import { type Clock, pause } from '../../clock.ts'
import { Backoff } from '../backoff.ts'
import { type ApiObject, ProtocolError, StatusError } from './api-objects.ts'
import type { Change, ListWatch } from './list-watch.ts'

/** Bounds of the random duration of a watch. */
const WATCH_MIN_S = 240
const WATCH_MAX_S = 480
/** A watch that ends earlier without an event counts as failed. */
const WATCH_MIN_MS = 1_000
/** Interval of full lists, plus or minus a fifth, in case a watch has dropped an event. */
const RESYNC_MS = 600_000
/** Maximum wait after a failure, and after a rejection, which lasts until an operator changes permissions. */
const MAX_BACKOFF_MS = 30_000
const MAX_REJECTED_BACKOFF_MS = 60_000
/** Maximum wait after ECONNREFUSED: a retry is cheap, and a low cap notices recovery quickly. */
const MAX_REFUSED_BACKOFF_MS = 2_000
/** Random wait that spreads the requests of Pods after a common event. */
const SPREAD_MS = 1_000
/** Consecutive server errors after which the next step is a list, because the watch may have lost its place. */
const ERRORS_BEFORE_LIST = 3

export interface ReflectorOptions<T extends ApiObject> {
  listWatch: ListWatch<T>
  clock: Clock
  /** Called after the objects changed. */
  onChange: () => void
  /** Called for each fault; the loop continues. Not called for a first 401, because the next request rereads the token. */
  onFault: (error: unknown) => void
}

/** Mirrors the objects of a {@link ListWatch}: lists them, then applies the changes, as client-go's Reflector does. */
export class Reflector<T extends ApiObject> {
  /** By UID. No error removes an object. */
  readonly objects: Map<string, T> = new Map()
  state: 'idle' | 'listing' | 'connecting' | 'watching' | 'backing-off' | 'stopped' = 'idle'
  /** Lists and watches started. */
  lists = 0
  watches = 0
  /** Time of the server's last confirmation of these objects; undefined before the first list. */
  syncedAt: number | undefined
  readonly #options: ReflectorOptions<T>
  readonly #backoff: Backoff
  readonly #refusedBackoff: Backoff
  /** Version of the objects. */
  #version = ''
  /** Minimum version of the next list; undefined if none is due. */
  #listFrom: string | undefined = '0'
  #resyncAt = Number.POSITIVE_INFINITY
  #isUnauthorized = false
  /** Consecutive, without an event in between. */
  #serverErrors = 0
  #expiries = 0

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#backoff = new Backoff(options.clock)
    this.#refusedBackoff = new Backoff(options.clock)
  }

  /** Lists and watches until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      let waitMs: number
      try {
        if (clock.now() >= this.#resyncAt) this.#listFrom ??= this.#version
        if (this.#listFrom !== undefined) await this.#list(this.#listFrom, signal)
        await this.#watch(signal)
        waitMs = clock.random() * SPREAD_MS
      } catch (error) {
        if (signal.aborted) break
        waitMs = this.#react(error)
        if (waitMs > 0) this.state = 'backing-off'
      }
      await pause(clock, waitMs, signal)
    }
    this.state = 'stopped'
  }

  async #list(from: string, signal: AbortSignal): Promise<void> {
    const { clock, listWatch, onChange } = this.#options
    this.state = 'listing'
    this.lists += 1
    const { objects, version } = await listWatch.list(from, signal)
    if (signal.aborted) return
    this.objects.clear()
    for (const [uid, object] of objects) this.objects.set(uid, object)
    this.#version = version
    this.#listFrom = undefined
    this.#serverErrors = 0
    this.#isUnauthorized = false
    this.#resyncAt = clock.now() + RESYNC_MS * (0.8 + 0.4 * clock.random())
    this.syncedAt = clock.now()
    onChange()
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, listWatch } = this.#options
    const startedAt = clock.now()
    const randomS = WATCH_MIN_S + (WATCH_MAX_S - WATCH_MIN_S) * clock.random()
    const seconds = Math.max(1, Math.ceil(Math.min(randomS, (this.#resyncAt - startedAt) / 1_000)))
    this.state = 'connecting'
    this.watches += 1
    const changes = await listWatch.watch(this.#version, seconds, signal)
    this.state = 'watching'
    this.#isUnauthorized = false
    let events = 0
    for await (const change of changes) {
      if (signal.aborted) return
      events += 1
      this.#apply(change)
    }
    if (events === 0 && clock.now() - startedAt < WATCH_MIN_MS) throw new Error('The watch ended at once')
    this.syncedAt = clock.now()
  }

  #apply(change: Change<T>): void {
    const { clock, onChange } = this.#options
    this.#version = change.version
    this.#serverErrors = 0
    this.#expiries = 0
    this.syncedAt = clock.now()
    if (change.type === 'BOOKMARK') return
    const { uid } = change.object.metadata
    if (change.type === 'DELETED') this.objects.delete(uid)
    else this.objects.set(uid, change.object)
    onChange()
  }

  /** Chooses the next step after a failure, and returns the wait before it in milliseconds. */
  #react(error: unknown): number {
    const { clock, onFault } = this.#options
    const spreadMs = clock.random() * SPREAD_MS
    if (!(error instanceof StatusError)) {
      onFault(error)
      // A malformed event is not skipped: everything is listed again, because other events may be lost as well.
      if (error instanceof ProtocolError) this.#listFrom ??= this.#version
      const isRefused = (error as { code?: unknown } | null)?.code === 'ECONNREFUSED'
      return isRefused
        ? this.#refusedBackoff.next(MAX_REFUSED_BACKOFF_MS)
        : this.#backoff.next(MAX_BACKOFF_MS)
    }
    if (error.code === 401 && !this.#isUnauthorized) {
      this.#isUnauthorized = true
      return 0
    }
    onFault(error)
    if (error.code === 410) {
      this.#expiries += 1
      this.#listFrom = this.#expiries === 1 ? this.#version : ''
      if (this.#expiries === 1) return spreadMs
    } else if (error.isVersionTooLarge) {
      this.#listFrom = ''
    } else if (error.code >= 500 && error.code !== 503) {
      this.#serverErrors += 1
      if (this.#serverErrors >= ERRORS_BEFORE_LIST) this.#listFrom ??= this.#version
    }
    if (error.retryAfterMs !== undefined) return error.retryAfterMs + spreadMs
    return this.#backoff.next(error.isRejection ? MAX_REJECTED_BACKOFF_MS : MAX_BACKOFF_MS)
  }
}
