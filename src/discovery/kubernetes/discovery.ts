import { type Clock, MAX_TIMER_MS, pause } from '../../clock.ts'
import { SserError } from '../../errors.ts'
import type { Faults } from '../../telemetry/faults.ts'
import { type Family, ownFamily } from '../family.ts'
import type { PeerList } from '../finder.ts'
import { LatestPeers } from '../latest.ts'
import type { Peer } from '../peer.ts'
import type { ApiObject } from './answer.ts'
import { Collection } from './collection.ts'
import type { Credentials } from './credentials.ts'
import { ownIdentity } from './identity.ts'
import type { Kind } from './kind.ts'
import { isHopeless, mend } from './mend.ts'
import { OwnPod } from './own-pod.ts'
import { Reflector } from './reflector.ts'
import { notListed, wrongUid } from './self-faults.ts'
import { Transport } from './transport.ts'

/** How long the first list may take. */
const START_MS = 30_000
/** A burst of changes is told of once: when it pauses, or has gone on for so long. */
const PAUSE_MS = 100
const BURST_MS = 1_000
/** For so long a list may contradict `POD_UID`, looked at so often: it may come from a cache that lags behind. */
const UID_MS = 10_000
const UID_LOOK_MS = 500
/** For so long this Pod may be missing among its own peers: its node says a little later than it starts that it runs. */
const SELF_MS = 30_000

export interface DiscoveryOptions {
  kind: Kind
  credentials: Credentials
  port: number | undefined
  family: Family | undefined
  clock: Clock
  /** Hears of every fault. */
  faults: Faults
  /** Hears of what `start()` does not reject with. */
  starterFaults: Faults
}

/** How a `KubernetesPeerFinder` stands. */
export interface KubernetesPeerFinderStatus {
  /** `connecting` is before a watch is accepted, `backing-off` between a failure and the next attempt. */
  state: 'idle' | 'listing' | 'connecting' | 'watching' | 'backing-off' | 'stopped'
  /** How many peers are known. */
  peers: number
  /**
   * How long ago the API server last confirmed them, in milliseconds; undefined before the first list. Where all is
   * well it stays below some 90 seconds, as a server sends a bookmark every minute.
   */
  syncAgeMs: number | undefined
  /** Whether this Pod is one of them itself; undefined before the first list, or where the downward API does not say who it is. */
  listsSelf: boolean | undefined
  /** Lists after the first: by plan one every ten minutes. */
  relists: number
  /** Watches after the first: by plan one every six minutes. */
  watchRestarts: number
  /** The latest fault, also if it is over. */
  lastError: { message: string; ageMs: number } | undefined
  /** Requests sent to the API server, and bytes received in bodies. */
  requests: number
  bytes: number
}

/** One search for the peers, from a `start()` until its signal aborts. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #transport: Transport
  readonly #collection: Collection<ApiObject>
  readonly #reflector: Reflector<ApiObject>
  readonly #own: OwnPod
  readonly #stop = new AbortController()
  readonly #first = Promise.withResolvers<LatestPeers>()
  #latest: LatestPeers | undefined
  #lastFault: { error: SserError; at: number } | undefined
  #burstAt: number | undefined
  /** Set while this Pod is not among its own peers. */
  #cancelAbsence: (() => void) | undefined
  #cancelTell = () => {}
  #cancelDeparture = () => {}

  constructor(options: DiscoveryOptions) {
    const { clock, credentials, kind } = options
    this.#options = options
    this.#own = new OwnPod(kind, ownIdentity())
    this.#transport = new Transport(credentials)
    this.#collection = new Collection({ kind, transport: this.#transport, clock })
    this.#reflector = new Reflector({
      collection: this.#collection,
      clock,
      onChange: () => this.#onChange(),
      onFault: (error) => this.#onFault(error),
    })
  }

  /** Resolves with the first list. Rejects with what stands in its way for 30 s, or for good. */
  async start(signal: AbortSignal): Promise<PeerList> {
    const { clock } = this.#options
    const onAbort = () => this.#end(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const cancelDeadline = clock.after(START_MS, () => this.#end(this.#late()))
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

  /** A list may be old, and name a Pod that had this one's name or address before: that passes. */
  async #checkUid(): Promise<void> {
    const { clock } = this.#options
    const deadline = clock.now() + UID_MS
    for (;;) {
      const fault = this.#own.contradiction(this.#objects)
      if (fault === undefined) return
      if (clock.now() >= deadline) {
        this.#end(wrongUid(this.#own.uid(this.#objects) ?? '', fault))
      }
      await pause(clock, UID_LOOK_MS, this.#stop.signal)
      this.#stop.signal.throwIfAborted()
    }
  }

  /** Reports once that this Pod has been missing among its own peers for a while, until it has been there again. */
  #watchSelf(): void {
    const { clock, kind } = this.#options
    if (this.#own.isListed(this.#objects) !== false) {
      this.#cancelAbsence?.()
      this.#cancelAbsence = undefined
      return
    }
    this.#cancelAbsence ??= clock.after(SELF_MS, () => {
      const { namespace } = this.#transport
      const count = this.#reflector.objects.size
      this.#report(notListed({ kind, namespace, count, own: `${this.#own}`, ms: SELF_MS }))
    })
  }

  #onChange(): void {
    const { clock } = this.#options
    this.#watchSelf()
    if (this.#latest === undefined) {
      this.#latest = new LatestPeers(this.#find())
      this.#first.resolve(this.#latest)
      return
    }
    this.#burstAt ??= clock.now()
    this.#cancelTell()
    this.#cancelTell = clock.after(Math.min(PAUSE_MS, this.#burstAt + BURST_MS - clock.now()), () =>
      this.#tell(),
    )
  }

  #tell(): void {
    this.#burstAt = undefined
    this.#latest?.set(this.#find())
  }

  /** Who the peers are now; looks again by itself when one of them is to leave without a word. */
  #find(): readonly Peer[] {
    const { clock, kind, port, family = ownFamily() } = this.#options
    const { serverOffset } = this.#collection
    const view = { port, family, now: clock.now() + serverOffset }
    const { peers, changesAt } = kind.find(this.#reflector.objects.values(), view)
    this.#cancelDeparture()
    const waitMs = Math.min(changesAt - view.now, MAX_TIMER_MS)
    if (Number.isFinite(changesAt - view.now)) this.#cancelDeparture = clock.after(waitMs, () => this.#tell())
    return peers
  }

  #onFault(cause: unknown): void {
    const { credentials, kind } = this.#options
    const { host, namespace } = this.#transport
    const error = mend(cause, { ...kind, host, namespace, source: credentials.source })
    const isEnd = this.#latest === undefined && isHopeless(cause)
    this.#report(error, isEnd)
    if (isEnd) this.#end(error)
  }

  /** `isEnd`: `start()` rejects with it, so that its caller need not hear of it twice. */
  #report(error: SserError, isEnd = false): void {
    const { clock, faults, starterFaults } = this.#options
    this.#lastFault = { error, at: clock.now() }
    faults.report(error, { stage: 'peer-finder' })
    if (!isEnd) starterFaults.report(error, { stage: 'peer-finder' })
  }

  #late(): SserError {
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
    this.#cancelTell()
    this.#cancelDeparture()
    this.#cancelAbsence?.()
  }
}
