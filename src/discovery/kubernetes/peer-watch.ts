import { type Clock, MAX_TIMER_MS, pause } from '../../clock.ts'
import { SserError } from '../../errors.ts'
import type { ErrorReporter } from '../../telemetry/error-reporter.ts'
import { type Family, ownFamily } from '../address.ts'
import { LatestPeers } from '../latest-peers.ts'
import type { Peer, PeerList } from '../peer-finder.ts'
import type { ApiObject } from './api-objects.ts'
import { ApiTransport } from './api-transport.ts'
import type { Credentials } from './credentials.ts'
import { explain, isPermanent } from './explain.ts'
import { ListWatch } from './list-watch.ts'
import { notListed, OwnPod, ownIdentity, wrongUid } from './own-pod.ts'
import type { PeerSource } from './peer-source.ts'
import { Reflector } from './reflector.ts'

/** Time limit for the first list. */
const START_MS = 30_000
/** Debounce of changes: a list is published after this much silence, or after this much time. */
const DEBOUNCE_MS = 100
const MAX_DEBOUNCE_MS = 1_000
/** Time for which a list may contradict `POD_UID`, because its cache may lag, and the interval of the checks. */
const UID_GRACE_MS = 10_000
const UID_CHECK_MS = 500
/** Time for which this Pod may be missing from the list, because its node reports it as running with a delay. */
const SELF_GRACE_MS = 30_000

export interface PeerWatchOptions {
  source: PeerSource
  credentials: Credentials
  port: number | undefined
  family: Family | undefined
  clock: Clock
  /** Reports every fault to the finder's own `onError`. */
  errors: ErrorReporter
  /** Reports errors to the `onError` of the caller of `start()`, except the one that `start()` rejects with. */
  callerErrors: ErrorReporter
}

/** Status of a `KubernetesPeerFinder`. */
export interface KubernetesPeerFinderStatus {
  /** `connecting`: the watch is not accepted yet. `backing-off`: between a failure and the next attempt. */
  state: 'idle' | 'listing' | 'connecting' | 'watching' | 'backing-off' | 'stopped'
  /** Number of known peers. */
  peers: number
  /**
   * Milliseconds since the API server last confirmed the list; undefined before the first list. Healthy below some
   * 90,000, because a server sends a bookmark every minute.
   */
  syncAgeMs: number | undefined
  /** True if this Pod is in the list; undefined before the first list, or if the downward API does not identify it. */
  listsSelf: boolean | undefined
  /** Lists after the first. Planned: one every ten minutes. */
  relists: number
  /** Watches after the first. Planned: one every six minutes. */
  watchRestarts: number
  /** The latest fault, even if it is over. */
  lastError: { message: string; ageMs: number } | undefined
  /** Requests sent to the API server, and bytes received in bodies. */
  requests: number
  bytes: number
}

/** Watches the peers from one `start()` until its signal aborts. */
export class PeerWatch {
  readonly #options: PeerWatchOptions
  readonly #transport: ApiTransport
  readonly #listWatch: ListWatch<ApiObject>
  readonly #reflector: Reflector<ApiObject>
  readonly #own: OwnPod
  readonly #stop = new AbortController()
  readonly #first = Promise.withResolvers<LatestPeers>()
  #latest: LatestPeers | undefined
  #lastFault: { error: SserError; at: number } | undefined
  #burstAt: number | undefined
  /** Set while this Pod is missing from the list. */
  #cancelAbsence: (() => void) | undefined
  #cancelPublish = () => {}
  #cancelExpiry = () => {}

  constructor(options: PeerWatchOptions) {
    const { clock, credentials, source } = options
    this.#options = options
    this.#own = new OwnPod(source, ownIdentity())
    this.#transport = new ApiTransport(credentials)
    this.#listWatch = new ListWatch({ source, transport: this.#transport, clock })
    this.#reflector = new Reflector({
      listWatch: this.#listWatch,
      clock,
      onChange: () => this.#onChange(),
      onFault: (error) => this.#onFault(error),
    })
  }

  /** Resolves with the first list. Rejects with an error that lasts for 30 s, or with a permanent one at once. */
  async start(signal: AbortSignal): Promise<PeerList> {
    const { clock } = this.#options
    const onAbort = () => this.#end(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const cancelDeadline = clock.after(START_MS, () => this.#end(this.#timeout()))
    void this.#reflector.run(this.#stop.signal).then(() => this.#transport.reset())
    try {
      const changes = await this.#first.promise
      await this.#checkUid()
      return { peers: changes.peers, changes, uid: this.#own.uid(this.#objects) }
    } catch (error) {
      signal.removeEventListener('abort', onAbort)
      throw error
    } finally {
      cancelDeadline()
    }
  }

  status(): KubernetesPeerFinderStatus {
    const { lists, state, syncedAt, watches } = this.#reflector
    const now = this.#options.clock.now()
    const last = this.#lastFault
    return {
      state,
      peers: this.#latest?.peers.length ?? 0,
      syncAgeMs: syncedAt === undefined ? undefined : now - syncedAt,
      listsSelf: syncedAt === undefined ? undefined : this.#own.isListed(this.#objects),
      relists: Math.max(0, lists - 1),
      watchRestarts: Math.max(0, watches - 1),
      lastError: last === undefined ? undefined : { message: last.error.message, ageMs: now - last.at },
      requests: this.#transport.requests,
      bytes: this.#transport.bytes,
    }
  }

  get #objects(): ApiObject[] {
    return [...this.#reflector.objects.values()]
  }

  /** Waits for the list to catch up, because an old one may have a former Pod with this Pod's name or address. */
  async #checkUid(): Promise<void> {
    const { clock } = this.#options
    const deadline = clock.now() + UID_GRACE_MS
    for (;;) {
      const fault = this.#own.contradiction(this.#objects)
      if (fault === undefined) return
      if (clock.now() >= deadline) {
        this.#end(wrongUid(this.#own.uid(this.#objects) ?? '', fault))
      }
      await pause(clock, UID_CHECK_MS, this.#stop.signal)
      this.#stop.signal.throwIfAborted()
    }
  }

  /** Reports once when this Pod has been missing from the list for a while; again only after it was listed. */
  #checkSelf(): void {
    const { clock, source } = this.#options
    if (this.#own.isListed(this.#objects) !== false) {
      this.#cancelAbsence?.()
      this.#cancelAbsence = undefined
      return
    }
    this.#cancelAbsence ??= clock.after(SELF_GRACE_MS, () => {
      const { namespace } = this.#transport
      const count = this.#reflector.objects.size
      this.#report(notListed({ source, namespace, count, own: `${this.#own}`, ms: SELF_GRACE_MS }))
    })
  }

  #onChange(): void {
    const { clock } = this.#options
    this.#checkSelf()
    if (this.#latest === undefined) {
      this.#latest = new LatestPeers(this.#readPeers())
      this.#first.resolve(this.#latest)
      return
    }
    this.#burstAt ??= clock.now()
    this.#cancelPublish()
    this.#cancelPublish = clock.after(
      Math.min(DEBOUNCE_MS, this.#burstAt + MAX_DEBOUNCE_MS - clock.now()),
      () => this.#publish(),
    )
  }

  #publish(): void {
    this.#burstAt = undefined
    this.#latest?.set(this.#readPeers())
  }

  /** Reads the peers from the objects, and schedules the next read for when an overdue Pod expires. */
  #readPeers(): readonly Peer[] {
    const { clock, source, port, family = ownFamily() } = this.#options
    const { serverOffset } = this.#listWatch
    const now = clock.now() + serverOffset
    const { peers, nextExpiryAt } = source.toPeerSet(this.#reflector.objects.values(), {
      port,
      family,
      now,
    })
    this.#cancelExpiry()
    const waitMs = Math.min(nextExpiryAt - now, MAX_TIMER_MS)
    if (Number.isFinite(nextExpiryAt - now)) this.#cancelExpiry = clock.after(waitMs, () => this.#publish())
    return peers
  }

  #onFault(cause: unknown): void {
    const { credentials, source } = this.#options
    const { host, namespace } = this.#transport
    const error = explain(cause, { ...source, host, namespace, origin: credentials.origin })
    const isEnd = this.#latest === undefined && isPermanent(cause)
    this.#report(error, isEnd)
    if (isEnd) this.#end(error)
  }

  /** With `isEnd`, `start()` rejects with the error, so its caller is not told twice. */
  #report(error: SserError, isEnd = false): void {
    const { clock, errors, callerErrors } = this.#options
    this.#lastFault = { error, at: clock.now() }
    errors.report(error, { stage: 'peer-finder' })
    if (!isEnd) callerErrors.report(error, { stage: 'peer-finder' })
  }

  #timeout(): SserError {
    const cause = this.#lastFault?.error
    return new SserError(
      'peer-finder-failed',
      `No list of peers within ${START_MS / 1_000} s. ${cause?.message ?? 'The API server did not answer'}`,
      { cause },
    )
  }

  #end(reason: unknown): void {
    this.#stop.abort(reason)
    this.#first.reject(reason)
    this.#latest?.end()
    this.#cancelPublish()
    this.#cancelExpiry()
    this.#cancelAbsence?.()
  }
}
