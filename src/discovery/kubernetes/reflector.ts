import { type Clock, pause } from '../../clock.ts'
import { Backoff } from '../backoff.ts'
import { type ApiObject, ProtocolError, StatusError } from './answer.ts'
import type { Change, Collection } from './collection.ts'

/** A watch ends by itself after a while drawn between these. */
const WATCH_LEAST_S = 240
const WATCH_MOST_S = 480
/** A watch that ends sooner, without an event, was none. */
const WATCH_MIN_MS = 1_000
/** How often everything is listed again, give or take a fifth, should a watch have kept something back. */
const AUDIT_MS = 600_000
/** The longest wait after a failure; and where it lasts until somebody changes what this Pod may do. */
const BACKOFF_MS = 30_000
const REFUSED_BACKOFF_MS = 60_000
/** Where nobody listens, asking costs nobody anything, and whoever comes back is found soon. */
const ABSENT_BACKOFF_MS = 2_000
/** Pods that met the same thing at the same time part within this. */
const SPREAD_MS = 1_000
/** After so many errors of the server in a row, its watch is not trusted to go on where it was. */
const ERRORS_BEFORE_LIST = 3

export interface ReflectorOptions<T extends ApiObject> {
  collection: Collection<T>
  clock: Clock
  /** The objects are not what they were. */
  onChange: () => void
  /** The loop goes on by itself. A first 401 is not told: the next request has fresh credentials. */
  onFault: (error: unknown) => void
}

/** Keeps a copy of a collection: lists it once, and then watches it change, as client-go's Reflector does. */
export class Reflector<T extends ApiObject> {
  /** By UID. No error ever takes one away. */
  readonly objects: Map<string, T> = new Map()
  state: 'idle' | 'listing' | 'connecting' | 'watching' | 'backing-off' | 'stopped' = 'idle'
  /** Lists and watches that were begun. */
  lists = 0
  watches = 0
  /** When the server last confirmed what is known here; undefined before the first list. */
  syncedAt: number | undefined
  readonly #options: ReflectorOptions<T>
  readonly #backoff: Backoff
  readonly #absentBackoff: Backoff
  /** The version of what is known. */
  #version = ''
  /** What the next list must not be older than; undefined where none is due. */
  #listFrom: string | undefined = '0'
  #auditAt = Number.POSITIVE_INFINITY
  #isUnauthorized = false
  /** In a row, without an event between them. */
  #serverErrors = 0
  #expiries = 0

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#backoff = new Backoff(options.clock)
    this.#absentBackoff = new Backoff(options.clock)
  }

  /** Lists and watches until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      let waitMs: number
      try {
        if (clock.now() >= this.#auditAt) this.#listFrom ??= this.#version
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
    const { clock, collection, onChange } = this.#options
    this.state = 'listing'
    this.lists += 1
    const { objects, version } = await collection.list(from, signal)
    if (signal.aborted) return
    this.objects.clear()
    for (const [uid, object] of objects) this.objects.set(uid, object)
    this.#version = version
    this.#listFrom = undefined
    this.#serverErrors = 0
    this.#isUnauthorized = false
    this.#auditAt = clock.now() + AUDIT_MS * (0.8 + 0.4 * clock.random())
    this.syncedAt = clock.now()
    onChange()
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, collection } = this.#options
    const startedAt = clock.now()
    const drawnS = WATCH_LEAST_S + (WATCH_MOST_S - WATCH_LEAST_S) * clock.random()
    const seconds = Math.max(1, Math.ceil(Math.min(drawnS, (this.#auditAt - startedAt) / 1_000)))
    this.state = 'connecting'
    this.watches += 1
    const changes = await collection.watch(this.#version, seconds, signal)
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

  /** Decides what a failure means for the next turn, and returns how long to wait before it. */
  #react(error: unknown): number {
    const { clock, onFault } = this.#options
    const spreadMs = clock.random() * SPREAD_MS
    if (!(error instanceof StatusError)) {
      onFault(error)
      // What is wrong once may be all wrong: nothing is ever skipped, everything is read again.
      if (error instanceof ProtocolError) this.#listFrom ??= this.#version
      const isAbsent = (error as { code?: unknown } | null)?.code === 'ECONNREFUSED'
      return isAbsent ? this.#absentBackoff.next(ABSENT_BACKOFF_MS) : this.#backoff.next(BACKOFF_MS)
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
    } else if (error.isAhead) {
      this.#listFrom = ''
    } else if (error.code >= 500 && error.code !== 503) {
      this.#serverErrors += 1
      if (this.#serverErrors >= ERRORS_BEFORE_LIST) this.#listFrom ??= this.#version
    }
    if (error.retryAfterMs !== undefined) return error.retryAfterMs + spreadMs
    return this.#backoff.next(error.isRefusal ? REFUSED_BACKOFF_MS : BACKOFF_MS)
  }
}
