import type { Clock } from '../clock.ts'
import type { Peer } from '../discovery/peer.ts'
import { checkPeerList, follow, type PeerFinder } from '../discovery/peer-finder.ts'
import type { ResolvedSettings } from '../options.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerCertificates } from '../transport/certificates.ts'
import type { HmacFactory } from '../transport/hmac.ts'
import { PeerClient } from '../transport/peer-client.ts'
import { defaultTransport, fetchTransport, type PeerTransport } from '../transport/peer-transport.ts'
import { RequestSigner } from '../transport/request-signer.ts'
import type { Signatures } from '../transport/signatures.ts'
import { Arrivals } from './arrivals.ts'
import { Life } from './life.ts'

/** What `start()` may be given. */
export interface StartOptions {
  /** Stops the instance when it aborts. */
  signal?: AbortSignal | undefined
  /** The internal port that was bound, where it is not the option's. */
  internalPort?: number | undefined
  /** Whether the internal port tells peers from strangers by other means than the `peerSecret`: by certificates. */
  isSecured?: boolean | undefined
  /** The certificate of the internal port, whose end is told before it comes. */
  certificates?: PeerCertificates | undefined
  /** How requests reach peers where the runtime has something leaner than `fetch`; the option `fetch` comes first. */
  transport?: PeerTransport | undefined
  /** How messages are signed where the runtime has something leaner than Web Crypto. */
  hmacFactory?: HmacFactory | undefined
}

/** What `stop()` may be given. */
export interface StopOptions {
  /**
   * Called once the event streams have ended, before what the peers lack is handed over: closes the HTTP server, and
   * resolves when the requests in flight are answered. `send()` works until then. The runtimes' `serve()` gives it.
   */
  beforeFlush?: (() => unknown) | undefined
}

export interface MembershipOptions {
  settings: ResolvedSettings
  peerFinder: PeerFinder
  clock: Clock
  errors: ErrorReporter
  /** What requests to peers are signed with, and their answers must be. */
  signatures: Signatures | undefined
  counters: Counters
  /** Aborts when this Pod leaves. */
  signal: AbortSignal
}

/** This Pod among the others: who they are, and the life that it leads with them. */
export class Membership {
  readonly arrivals: Arrivals = new Arrivals(() => this.mark())
  readonly #options: MembershipOptions
  readonly #client: PeerClient
  #life: Life
  #peers: readonly Peer[] = []
  #internalPort: number
  #uid: string | undefined
  #joining: Promise<void> | undefined
  /** Entries of the logs of earlier lives. */
  #entriesBefore = 0

  constructor(options: MembershipOptions) {
    const { clock, settings, signatures, counters } = options
    this.#options = options
    this.#internalPort = settings.internalPort
    const { allowGoPeers, allowUnsignedPeers, requestTimeoutMs, tracing } = settings
    this.#client = new PeerClient({
      clock,
      counters,
      transport: settings.fetch === undefined ? defaultTransport() : fetchTransport(settings.fetch),
      signer:
        signatures === undefined
          ? undefined
          : new RequestSigner({ signatures, allowGoPeers, allowUnsignedPeers }),
      tracing,
      requestTimeoutMs,
    })
    this.#life = this.#begin()
  }

  /** The life as it stands, frozen or not. */
  get life(): Life {
    return this.#life
  }

  /** Of the peers, as their finder gives them. */
  get addresses(): string[] {
    return this.#peers.map(({ address }) => address)
  }

  /** Resolves when this life has joined the fleet; undefined before the finder's first list. */
  get joining(): Promise<void> | undefined {
    return this.#joining
  }

  /** Counts the entries of the log so far, in all lives: a mark of this moment. */
  mark(): number {
    return this.#entriesBefore + this.#life.log.nextIndex
  }

  /** Index in this life's log of what came after the mark; all of it, if the mark is of an earlier life. */
  since(mark: number): number {
    return Math.max(0, mark - this.#entriesBefore)
  }

  /** This life; a new one where the Pod stood still for so long that the old one's ages are wrong. */
  current(): Life {
    if (!this.#life.mesh.isFrozen() || this.#options.signal.aborted) return this.#life
    this.#entriesBefore += this.#life.log.nextIndex
    this.#life.stop()
    this.#life = this.#begin()
    void this.#join()
    return this.#life
  }

  /** Finds the peers, and joins them. */
  async start({
    internalPort = this.#internalPort,
    transport,
    hmacFactory,
  }: Omit<StartOptions, 'signal'>): Promise<void> {
    const { errors, peerFinder, settings, signal } = this.#options
    this.#internalPort = internalPort
    if (hmacFactory !== undefined) this.#options.signatures?.use(hmacFactory)
    if (transport !== undefined && settings.fetch === undefined) this.#client.use(transport)
    const list = await peerFinder.start({
      signal,
      onError: (error) => errors.report(error, { stage: 'peer-finder' }),
    })
    signal.throwIfAborted()
    const { peers, changes, uid } = checkPeerList(list)
    this.#peers = peers
    this.#uid = uid
    void follow(changes, {
      signal,
      errors,
      adopt: (later) => {
        this.#peers = later
        this.#life.mesh.setPeers(later, this.#internalPort)
      },
    })
    await this.#join()
    signal.throwIfAborted()
  }

  /** Whether what names the Pod `uid` is meant for this one; undefined: before the first list it cannot be told. */
  isFor(uid: string): boolean | undefined {
    if (this.#joining === undefined) return undefined
    return this.#uid === undefined || this.#uid === uid
  }

  #begin(): Life {
    return new Life({
      ...this.#options,
      client: this.#client,
      onFrozen: () => void this.current(),
    })
  }

  /** Joins the fleet in this life. */
  #join(): Promise<void> {
    this.#life.mesh.setPeers(this.#peers, this.#internalPort)
    this.#joining = this.#life.mesh.join()
    return this.#joining
  }
}
