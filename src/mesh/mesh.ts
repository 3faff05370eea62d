import type { Clock } from '../clock.ts'
import type { Log } from '../core/log.ts'
import type { Timing } from '../core/timing.ts'
import type { Faults } from '../faults.ts'
import type { Append } from '../wire/v2.ts'
import { Acquaintance } from './acquaintance.ts'
import { Exchange } from './exchange.ts'
import { Link, type PeerStatus } from './link.ts'
import { checkPeers, hostOf, type Peer } from './peer.ts'
import type { Fetch } from './post.ts'
import { collectOutcomes, type PeerReceipt } from './receipt.ts'

export interface MeshOptions {
  log: Log
  timing: Timing
  clock: Clock
  faults: Faults
  fetch: Fetch
  requestTimeoutMs: number
  ackTimeoutMs: number
}

/** This Pod's ties to all others: a link to each peer, an answer to each that calls, and a sign of life to all. */
export class Mesh {
  readonly #options: MeshOptions
  readonly #exchange: Exchange
  readonly #links = new Map<string, Link>()
  readonly #acquaintances = new Map<string, Acquaintance>()
  #cancelTick: (() => void) | undefined
  #seqAtTick = 0

  constructor(options: MeshOptions) {
    this.#options = options
    this.#exchange = new Exchange(options.log, options.timing)
  }

  /** Begins this Pod's numbering, with a sign of life: from here on its position is never empty. */
  start(): void {
    this.#tick()
  }

  stop(): void {
    this.#cancelTick?.()
    for (const link of this.#links.values()) link.stop('this Pod was stopped')
    this.#links.clear()
  }

  /** The latest list of peers; it may name this Pod itself, which its link finds out. */
  setPeers(peers: readonly Peer[], defaultPort: number): void {
    const hosts = new Set(checkPeers(peers).map((peer) => hostOf(peer, defaultPort)))
    for (const [host, link] of this.#links) {
      if (hosts.has(host)) continue
      link.stop('no longer a peer')
      this.#links.delete(host)
    }
    for (const host of hosts) {
      if (this.#links.has(host)) continue
      const { log, clock, faults, fetch, requestTimeoutMs } = this.#options
      const meet = (epoch: string) => this.#meet(epoch)
      const link = new Link({
        host,
        log,
        exchange: this.#exchange,
        clock,
        faults,
        fetch,
        requestTimeoutMs,
        meet,
      })
      this.#links.set(host, link)
      link.poke()
    }
  }

  /** Every peer and how its link stands. */
  peers(): PeerStatus[] {
    return Array.from(this.#links.values(), (link) => link.status())
  }

  /** Hands this Pod's new event to every peer; resolves when each had its say, or `ackTimeoutMs` passed. */
  send(seq: number, signal?: AbortSignal): Promise<PeerReceipt[]> {
    const { ackTimeoutMs, clock } = this.#options
    for (const link of this.#links.values()) link.poke()
    return collectOutcomes(this.#links.values(), seq, { timeoutMs: ackTimeoutMs, clock, signal })
  }

  /** Takes what a peer appends, and answers where this Pod stands now. */
  receive(message: Append): Append {
    const { clock, log, timing } = this.#options
    const now = clock.now()
    // A Pod that finds its own address in the list calls itself; the answer tells it so.
    if (message.epoch === log.epoch) return this.#exchange.introduce(now)
    log.trim(now)
    this.#exchange.take(message.runs, now)
    const peer = this.#meet(message.epoch)
    peer.hear(message.position, log.position(now), now)
    for (const link of this.#links.values()) if (link.leadsTo(peer)) link.poke()
    return this.#exchange.give(peer, now - peer.workedAt > timing.graceMs, now)
  }

  #meet(epoch: string): Acquaintance {
    let acquaintance = this.#acquaintances.get(epoch)
    if (acquaintance === undefined) {
      acquaintance = new Acquaintance(epoch, this.#options.clock.now())
      this.#acquaintances.set(epoch, acquaintance)
    }
    return acquaintance
  }

  #tick(): void {
    const { clock, log, timing } = this.#options
    const now = clock.now()
    this.#cancelTick = clock.after(timing.tickMs, () => this.#tick())
    log.trim(now)
    log.epochs.forget(now)
    if ((log.epochs.get(log.epoch)?.have ?? 0) === this.#seqAtTick) log.append(log.epoch, {}, now, now)
    this.#seqAtTick = log.epochs.get(log.epoch)?.have ?? 0
    for (const [epoch, { heardAt }] of this.#acquaintances) {
      if (now - heardAt > timing.dropMs) this.#acquaintances.delete(epoch)
    }
    for (const link of this.#links.values()) link.poke()
  }
}
