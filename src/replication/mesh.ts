import { type Clock, pause } from '../clock.ts'
import { type Peer, type Target, targetOf } from '../discovery/peer.ts'
import type { Log } from '../log/log.ts'
import type { Timing } from '../log/timing.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import type { Append } from '../wire/v2.ts'
import { hydrate } from './hydration.ts'
import { Link } from './link.ts'
import { PeerProgress } from './peer-progress.ts'
import type { PeerStatus } from './peer-status.ts'
import { collectOutcomes, type PeerReceipt } from './receipt.ts'
import { Refusals } from './refusals.ts'
import { Replicator } from './replicator.ts'

/** How often a Pod that stops looks whether it may go. */
const FLUSH_POLL_MS = 20
/** Maximum number of remembered Pods that send requests and are in no list of peers, or not yet. */
const MAX_UNLINKED_PEERS = 64

export interface MeshOptions {
  log: Log
  timing: Timing
  clock: Clock
  errors: ErrorReporter
  counters: Counters
  client: PeerClient
  ackTimeoutMs: number
  initialSyncTimeoutMs: number
  /** This Pod stood still for so long that its ages and ids cannot be trusted. */
  onPause: () => void
}

/** This Pod's ties to all others: a link to each peer, an answer to each that calls, and a sign of incarnation to all. */
export class Mesh {
  readonly #options: MeshOptions
  readonly #replicator: Replicator
  readonly #refusals: Refusals
  readonly #links = new Map<string, Link>()
  readonly #progress = new Map<string, PeerProgress>()
  readonly #abort = new AbortController()
  #cancelBeat: (() => void) | undefined
  #beatAt = Number.NaN
  #seqAtTick = 0
  /** By host. */
  #targets: ReadonlyMap<string, Target> = new Map()
  #isReady = false

  constructor(options: MeshOptions) {
    this.#options = options
    this.#replicator = new Replicator(options)
    this.#refusals = new Refusals(options.log)
  }

  /** Whether this Pod has what the fleet has, and numbers its own events. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Fetches the log from a peer, then begins to number, with a sign of incarnation: from here on no id is empty. */
  async join(): Promise<void> {
    const { initialSyncTimeoutMs, timing } = this.#options
    this.#beat()
    await hydrate({
      ...this.#options,
      targets: [...this.#targets.values()],
      replicator: this.#replicator,
      timeoutMs: Math.min(initialSyncTimeoutMs, timing.maxPauseMs),
      signal: this.#abort.signal,
    })
    if (this.#abort.signal.aborted) return
    this.#isReady = true
    this.#signOfLife()
    this.#link()
  }

  /** Waits until the peers hold all that this Pod does now, or `timeoutMs` passed. */
  async flush(timeoutMs: number): Promise<void> {
    const { clock } = this.#options
    const deadline = clock.now() + timeoutMs
    const position = this.#options.log.position(clock.now())
    for (const link of this.#links.values()) link.flush(position)
    while (!this.#isFlushed() && clock.now() < deadline && !this.#abort.signal.aborted) {
      await pause(clock, FLUSH_POLL_MS)
    }
  }

  stop(): void {
    this.#abort.abort()
    this.#cancelBeat?.()
    for (const link of this.#links.values()) link.stop('this Pod was stopped')
    this.#links.clear()
  }

  /** The latest list of peers; it may name this Pod itself, which its link finds out. */
  setPeers(peers: readonly Peer[], defaultPort: number): void {
    const targets = peers.map((peer) => targetOf(peer, defaultPort))
    this.#targets = new Map(targets.map((target) => [target.host, target]))
    if (this.#isReady) this.#link()
  }

  /** Every peer and how its link stands. */
  peers(): PeerStatus[] {
    return Array.from(this.#links.values(), (link) => link.status())
  }

  /** Hands a new event to every peer; resolves when each had its say, or `ackTimeoutMs` passed. */
  send(epoch: string, seq: number, signal?: AbortSignal): Promise<PeerReceipt[]> {
    const { ackTimeoutMs, clock } = this.#options
    for (const link of this.#links.values()) link.poke()
    return collectOutcomes(this.#links.values(), epoch, seq, { timeoutMs: ackTimeoutMs, clock, signal })
  }

  /** Takes what a peer appends, and answers where this Pod stands now. */
  receive(message: Append): Append {
    const { clock, log, timing } = this.#options
    const now = clock.now()
    // A Pod that finds its own address in the list calls itself; the answer tells it so.
    if (message.epoch === log.epoch) return this.#replicator.handshake(now)
    log.trim(now)
    this.#replicator.applyRuns(message.runs, now)
    const peer = this.#progressOf(message.epoch)
    peer.observe(message.position, log.position(now), now)
    for (const link of this.#links.values()) if (link.leadsTo(peer)) link.poke()
    const ready = this.#isReady
    if (message.hydrate && !ready) return { ...this.#replicator.handshake(now), ready }
    if (message.hydrate) {
      // A new Pod's clients may lack what a Go Pod sent before it was there, too.
      const lostAt = Math.max(log.lastV1At, log.refusedAt)
      const v1Age = lostAt > Number.NEGATIVE_INFINITY ? now - lostAt : undefined
      return { ...this.#replicator.buildAppend(peer, { own: true, third: true }, now), ready, v1Age }
    }
    const own = now - peer.lastSuccessAt > timing.graceMs
    return { ...this.#replicator.buildAppend(peer, { own, third: false }, now), ready }
  }

  /** Whether this Pod stood still for so long that what it is about to do would rest on wrong ages. */
  wasPaused(): boolean {
    const { clock, timing } = this.#options
    return clock.now() - this.#beatAt > timing.maxPauseMs
  }

  /** One link to each Pod of the latest list, and none to any other, or to one that had the address before. */
  #link(): void {
    for (const [host, link] of this.#links) {
      const target = this.#targets.get(host)
      if (target !== undefined && target.uid === link.target.uid) {
        link.update(target)
        continue
      }
      link.stop('no longer a peer')
      this.#links.delete(host)
    }
    for (const [host, target] of this.#targets) {
      if (this.#links.has(host)) continue
      const link = new Link({
        ...this.#options,
        target,
        replicator: this.#replicator,
        progressOf: (epoch) => this.#progressOf(epoch),
        wasPaused: () => this.wasPaused(),
      })
      this.#links.set(host, link)
      link.poke()
    }
  }

  #progressOf(epoch: string): PeerProgress {
    let progress = this.#progress.get(epoch)
    if (progress === undefined) {
      progress = new PeerProgress(epoch, this.#options.clock.now())
      this.#progress.set(epoch, progress)
      if (this.#progress.size > this.#links.size + MAX_UNLINKED_PEERS) this.#forgetUnlinked()
      for (const link of this.#links.values()) link.probe()
    }
    return progress
  }

  /** Forgets the oldest progress that no link leads to. That peer loses its grace period, and no event. */
  #forgetUnlinked(): void {
    const links = [...this.#links.values()]
    for (const [epoch, progress] of this.#progress) {
      if (links.some((link) => link.leadsTo(progress))) continue
      this.#progress.delete(epoch)
      return
    }
  }

  #beat(): void {
    const { clock, log, counters, timing, onPause } = this.#options
    if (this.wasPaused()) {
      onPause()
      return
    }
    const now = clock.now()
    // The first one has no time to be there.
    if (!Number.isNaN(this.#beatAt))
      counters.eventLoopLagMs = Math.max(0, now - this.#beatAt - timing.noopIntervalMs)
    this.#beatAt = now
    this.#cancelBeat = clock.after(timing.noopIntervalMs, () => this.#beat())
    log.trim(now)
    log.epochs.forget(now)
    for (const [epoch, { lastHeardAt }] of this.#progress) {
      if (now - lastHeardAt > timing.dropMs) this.#progress.delete(epoch)
    }
    if (!this.#isReady) return
    if (log.ownSeq === this.#seqAtTick) this.#signOfLife()
    this.#seqAtTick = log.ownSeq
    this.#refusals.check(
      [...this.#links.values()].some((link) => link.isRefused),
      now,
    )
    for (const link of this.#links.values()) link.poke()
  }

  #signOfLife(): void {
    const { clock, log } = this.#options
    const now = clock.now()
    log.append(log.epoch, {}, now, now)
  }

  /** A peer that is out of reach is not waited for, if another has everything, or if there is nothing to have. */
  #isFlushed(): boolean {
    if (!this.#options.log.hasEvents) return true
    const reached = [...this.#links.values()].filter((link) => link.status().state !== 'self')
    const flushed = reached.map((link) => link.isFlushed())
    return reached.length === 0 || (flushed.includes(true) && !flushed.includes(false))
  }
}
