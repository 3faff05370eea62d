import { type Clock, oncePerTurn } from '../clock.ts'
import type { Peer } from '../discovery/peer-finder.ts'
import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import { type Exchange, type ExchangeHandler, type Target, targetOf } from '../transport/peer-transport.ts'
import type { Append } from '../wire/append-message.ts'
import { AcceptedExchanges } from './accepted-exchanges.ts'
import { AwaitedSeq } from './exchange-fields.ts'
import { Flush } from './flush.ts'
import { type InitialSyncResult, initialSync } from './initial-sync.ts'
import { KnownPeers, MAX_UNLINKED_PEERS } from './known-peers.ts'
import { V1Sender } from './legacy-v1/sender.ts'
import { Link } from './link.ts'
import type { ExchangeContext } from './link-exchange.ts'
import { MutualRefusals } from './mutual-refusals.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { PeerStatus } from './peer-status.ts'
import { PendingAcks } from './pending-acks.ts'
import { type AckCollector, collectAcks } from './receipt.ts'
import { Replicator } from './replicator.ts'
import type { SideChannel } from './side-channel.ts'

export interface MeshOptions {
  log: Log
  clock: Clock
  errors: ErrorReporter
  counters: Counters
  client: PeerClient
  requestTimeoutMs: number
  ackTimeoutMs: number
  initialSyncTimeoutMs: number
  /** Data beside the entries of the log; undefined in tests without. */
  sideChannel?: SideChannel | undefined
  /** A link has changed its state or its peer, was added or was removed. */
  onLinksChange?: (() => void) | undefined
  /** Entries of an epoch will never come. */
  onHole?: ((epoch: string) => void) | undefined
  /** Called when the process was paused for so long that this Pod's ages and ids are wrong. */
  onPause: () => void
}

/** This Pod among its peers: a link to each, the response to each request of theirs, and the no-op entries. */
export class Mesh {
  readonly awaited: AwaitedSeq
  readonly #pokeAll: () => void
  readonly #options: MeshOptions
  readonly #replicator: Replicator
  readonly #mutualRefusals: MutualRefusals
  readonly #links = new Map<string, Link>()
  readonly #peers: KnownPeers
  readonly #exchangeContext: ExchangeContext
  readonly #accepted: AcceptedExchanges
  readonly #abort = new AbortController()
  /** The handover of the log when this Pod stops. */
  readonly flush: Flush
  #cancelBeat: (() => void) | undefined
  #beatAt = Number.NaN
  #seqAtBeat = 0
  /** By host. */
  #targets: ReadonlyMap<string, Target> = new Map()
  #isReady = false
  #syncResult: InitialSyncResult | undefined
  constructor(options: MeshOptions) {
    this.#options = options
    const { log, errors, counters, clock, requestTimeoutMs, sideChannel, onPause } = options
    this.#pokeAll = oncePerTurn(clock, () => {
      for (const link of this.#links.values()) link.poke()
    })
    this.awaited = new AwaitedSeq(this.#pokeAll)
    this.#replicator = new Replicator({ log, errors, counters, onHole: options.onHole })
    this.#mutualRefusals = new MutualRefusals(log)
    this.#peers = new KnownPeers({ clock, timing: log.timing, links: this.#links })
    this.#exchangeContext = {
      log,
      replicator: this.#replicator,
      clock,
      awaited: this.awaited,
      requestTimeoutMs,
      sideChannel,
      progressOf: (epoch) => this.#peers.progressOf(epoch),
      wasPaused: () => this.wasPaused(),
      onPause,
    }
    this.flush = new Flush({ log, clock, links: this.#links, signal: this.#abort.signal })
    this.#accepted = new AcceptedExchanges({
      context: this.#exchangeContext,
      errors,
      maxExchanges: () => this.#links.size + MAX_UNLINKED_PEERS,
      isLinked: (peer) => this.#peers.isLinked(peer),
      onPosition: (peer) => this.#pokeLinksTo(peer),
    })
    log.onAppend((entry) => 'epoch' in entry && entry.epoch === log.epoch && this.#pokeAll())
  }

  /** True if the initial sync has ended, so that this Pod numbers events of its own. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** How the initial sync ended; undefined before. */
  get syncResult(): InitialSyncResult | undefined {
    return this.#syncResult
  }

  /** Fetches the log from a peer, then numbers this Pod's first entry, a no-op: from here on no id is empty. */
  async start(): Promise<void> {
    const { client, clock, errors, initialSyncTimeoutMs, log } = this.#options
    this.#beat()
    this.#syncResult = await initialSync({
      targets: [...this.#targets.values()],
      log,
      replicator: this.#replicator,
      client,
      clock,
      errors,
      timeoutMs: Math.min(initialSyncTimeoutMs, log.timing.maxPauseMs),
      signal: this.#abort.signal,
    })
    if (this.#abort.signal.aborted) return
    if (this.#syncResult.hasAnswer) this.#peers.hasMet = true
    this.#isReady = true
    this.#appendNoOp()
    this.#link()
  }

  stop(): void {
    this.#abort.abort()
    this.#cancelBeat?.()
    for (const link of this.#links.values()) link.stop('this Pod was stopped')
    this.#links.clear()
    this.#accepted.stop()
  }

  /** Adopts the latest list of peers. It may name this Pod itself; the link finds that out. */
  setPeers(peers: readonly Peer[], defaultPort: number): void {
    const targets = peers.map((peer) => targetOf(peer, defaultPort))
    this.#targets = new Map(targets.map((target) => [target.host, target]))
    if (this.#isReady) this.#link()
  }

  /** The link to each peer, by its address. */
  get links(): ReadonlyMap<string, Link> {
    return this.#links
  }

  /** Status of the link to each peer. */
  peers(): PeerStatus[] {
    return Array.from(this.#links.values(), (link) => link.status())
  }

  /** Collects the results of an event at each peer, for up to `ackTimeoutMs`. */
  collectAcks(epoch: string, seq: number, signal: AbortSignal | undefined, collector: AckCollector): void {
    const { ackTimeoutMs: timeoutMs, clock } = this.#options
    collectAcks(this.#links.values(), epoch, seq, { timeoutMs, clock, signal }, collector)
  }

  /** Applies a peer's message, and returns the response to it. */
  receive(message: Append): Append {
    const { clock, log } = this.#options
    const now = clock.now()
    // A Pod that finds its own address in the list sends requests to itself; the response tells it so.
    if (message.epoch === log.epoch) return this.#replicator.handshake(now)
    log.trim(now)
    const peer = this.#replicator.receive(message, (epoch) => this.#peers.progressOf(epoch), now)
    this.#pokeLinksTo(peer)
    const ready = this.#isReady
    if (message.hydrate && !ready) return { ...this.#replicator.handshake(now), ready }
    if (message.hydrate) {
      // The clients of a new Pod may lack events that a Go Pod sent before the new Pod started.
      const v1Age = log.losses.ageMs(now)
      return { ...this.#replicator.buildAppend(peer, { own: true, third: true }, now), ready, v1Age }
    }
    const own = now - peer.lastSuccessAt > log.timing.graceMs
    return { ...this.#replicator.buildAppend(peer, { own, third: false }, now), ready }
  }

  /** Takes an exchange that a peer has opened. */
  accept(exchange: Exchange): ExchangeHandler {
    return this.#accepted.accept(exchange)
  }

  /** Returns whether the process was paused for so long that the ages of its entries are wrong. */
  wasPaused(): boolean {
    const { clock, log } = this.#options
    return clock.now() - this.#beatAt > log.timing.maxPauseMs
  }

  /**
   * Keeps one link to each Pod of the latest list, and ends the others, including links to an address that another Pod
   * has now.
   */
  #link(): void {
    for (const [host, link] of this.#links) {
      const target = this.#targets.get(host)
      if (target !== undefined && target.uid === link.target.uid) {
        link.update(target)
        continue
      }
      link.stop('no longer a peer')
      this.#options.onLinksChange?.()
      this.#options.errors.removed(host)
      this.#links.delete(host)
    }
    for (const [host, target] of this.#targets) {
      if (this.#links.has(host)) continue
      const link = this.#createLink(target)
      this.#links.set(host, link)
      link.poke()
    }
  }

  #createLink(target: Target): Link {
    const { client, clock, errors, log, counters } = this.#options
    const acks = new PendingAcks(log)
    return new Link({
      target,
      log,
      replicator: this.#replicator,
      client,
      clock,
      errors,
      counters,
      acks,
      legacy: new V1Sender({ log, client, clock, acks }),
      exchangeContext: this.#exchangeContext,
      progressOf: (epoch) => this.#peers.progressOf(epoch),
      isAlone: () =>
        !this.#peers.hasMet &&
        !Array.from(this.#links.values()).some(
          ({ state, retryState }) => retryState.hasResponded && state !== 'self',
        ),
      wasPaused: () => this.wasPaused(),
      onChange: () => this.#options.onLinksChange?.(),
    })
  }

  /** Lets the links to a peer that has told its position send what it lacks. */
  #pokeLinksTo(peer: PeerProgress): void {
    for (const link of this.#links.values()) if (link.peer === peer) link.poke()
  }

  #beat(): void {
    const { clock, log, counters, onPause } = this.#options
    if (this.wasPaused()) {
      onPause()
      return
    }
    const now = clock.now()
    // The first beat has no due time.
    if (!Number.isNaN(this.#beatAt))
      counters.eventLoopLagMs = Math.max(0, now - this.#beatAt - log.timing.noopIntervalMs)
    this.#beatAt = now
    this.#cancelBeat = clock.after(log.timing.noopIntervalMs, () => this.#beat())
    log.trim(now)
    log.epochs.forget(now)
    this.#peers.forget(now)
    this.#accepted.beat()
    if (!this.#isReady) return
    if (log.ownSeq === this.#seqAtBeat) this.#appendNoOp()
    this.#seqAtBeat = log.ownSeq
    this.#mutualRefusals.check(
      [...this.#links.values()].some(({ retryState }) => retryState.isRefused),
      now,
    )
    for (const link of this.#links.values()) link.beat()
  }

  #appendNoOp(): void {
    const { clock, log } = this.#options
    const now = clock.now()
    log.append(log.epoch, {}, now, now)
  }
}
