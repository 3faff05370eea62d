import { checkPeerList, follow, type Peer, type PeerFinder } from '../discovery/peer-finder.ts'
import { stopped } from '../errors.ts'
import type { PeerCertificates } from '../transport/certificates.ts'
import { PeerConnections } from '../transport/peer-connections.ts'
import type { Exchange, ExchangeHandler, PeerTransports } from '../transport/peer-transport.ts'
import type { HmacFactory, Signatures } from '../transport/signatures.ts'
import { Incarnation, type SharedParts } from './incarnation.ts'
import type { Subscriptions } from './subscriptions.ts'

/** Options of `start()`. */
export interface StartOptions {
  /** Stops the instance when it aborts. */
  signal?: AbortSignal | undefined
}

/** Values that `serve()` passes to the instance that it starts. */
export interface ServerStart {
  /** The bound internal port. */
  internalPort?: number | undefined
  /** Address to which the internal port is bound; undefined for all addresses. */
  internalHostname?: string | undefined
  /** Certificates of the internal port; the log warns before they expire. */
  certificates?: PeerCertificates | undefined
  /** How requests reach peers where the runtime has something leaner than `fetch`. */
  transports?: PeerTransports | undefined
  /** How messages are signed where the runtime has something leaner than Web Crypto. */
  hmacFactory?: HmacFactory | undefined
}

/** Options of `stop()`. */
export interface StopOptions {
  /**
   * Called once the event streams have ended, before what the peers lack is handed over: closes the HTTP server, and
   * resolves when the requests in flight are answered. `send()` works until then. An error of it is logged, and the stop
   * goes on. `serve()` and `join()` pass one of their own.
   */
  beforeFlush?: (() => unknown) | undefined
}

export interface MembershipOptions extends SharedParts {
  peerFinder: PeerFinder
  /** Signs requests to peers, and verifies their responses. */
  signatures: Signatures | undefined
  subscriptions: Subscriptions
  /** Aborts when this Pod leaves. */
  signal: AbortSignal
}

/** Membership of this Pod in the fleet: its peers, and its current incarnation. */
export class Membership {
  readonly #options: MembershipOptions
  readonly #connections: PeerConnections
  #incarnation: Incarnation
  #peers: readonly Peer[] = []
  #internalPort: number
  #uid: string | undefined
  #joining: Promise<void> | undefined
  /** Entries of the logs of earlier incarnations. */
  #entriesBefore = 0

  constructor(options: MembershipOptions) {
    const { clock, settings, signatures, counters } = options
    this.#options = options
    this.#internalPort = settings.internalPort
    this.#connections = new PeerConnections({ ...settings, clock, counters, signatures })
    this.#incarnation = this.#begin()
  }

  /** The incarnation as it stands, paused or not. */
  get incarnation(): Incarnation {
    return this.#incarnation
  }

  /** Of the peers, as their finder gives them. */
  get addresses(): string[] {
    return this.#peers.map(({ address }) => address)
  }

  /** Resolves when this incarnation has joined the fleet; undefined before the finder's first list. */
  get joining(): Promise<void> | undefined {
    return this.#joining
  }

  /** Counts the entries of the log so far, in all incarnations: a mark of this moment. */
  mark(): number {
    return this.#entriesBefore + this.#incarnation.log.nextIndex
  }

  /** Index of the first entry after the mark; the start of the log, if the mark is of an earlier incarnation. */
  since(mark: number): number {
    return Math.max(0, mark - this.#entriesBefore)
  }

  /** This incarnation; a new one where the Pod stood still for so long that the old one's ages are wrong. */
  current(): Incarnation {
    if (!this.#incarnation.mesh.wasPaused() || this.#options.signal.aborted) return this.#incarnation
    this.#entriesBefore += this.#incarnation.log.nextIndex
    this.#options.subscriptions.detach()
    this.#incarnation.stop('process-paused')
    this.#incarnation = this.#begin()
    void this.#join()
    return this.#incarnation
  }

  /** Finds the peers, and joins them. */
  async start(options: ServerStart): Promise<void> {
    const { internalPort = this.#internalPort, transports, certificates, hmacFactory } = options
    const { errors, peerFinder, signal } = this.#options
    this.#internalPort = internalPort
    if (hmacFactory !== undefined) this.#options.signatures?.use(hmacFactory)
    if (transports !== undefined) this.#connections.use(transports)
    // An open connection would keep the old certificate for ever.
    certificates?.onRenewed(() => this.#connections.closeExchanges())
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
        this.#incarnation.mesh.setPeers(later, this.#internalPort)
      },
    })
    await this.#join()
    signal.throwIfAborted()
  }

  /** Returns whether a message to the Pod `uid` is for this Pod; undefined before the first list of peers. */
  isFor(uid: string): boolean | undefined {
    if (this.#joining === undefined) return undefined
    return this.#uid === undefined || this.#uid === uid
  }

  /** Takes an exchange that a peer has opened. @throws SserError `stopped` */
  accept(exchange: Exchange): ExchangeHandler {
    if (this.#options.signal.aborted) throw stopped()
    return this.current().mesh.accept(exchange)
  }

  #begin(): Incarnation {
    return new Incarnation({
      ...this.#options,
      client: this.#connections.client,
      onPause: () => void this.current(),
    })
  }

  /** Joins the fleet in this incarnation. */
  #join(): Promise<void> {
    const incarnation = this.#incarnation
    incarnation.mesh.setPeers(this.#peers, this.#internalPort)
    this.#joining = incarnation.mesh.start().then(() => {
      if (incarnation.mesh.isReady) this.#options.subscriptions.attach(incarnation)
    })
    return this.#joining
  }
}
