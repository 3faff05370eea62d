import { ageMs } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { PeerLink } from '../replication/peer-status.ts'
import { MAX_EPOCHS } from '../wire/position.ts'
import { type PeerRunState, SILENT_INTERVALS } from './run-peers.ts'
import type { RunSessions } from './run-session.ts'

/** An address at which a Pod was reached. */
interface Home {
  readonly host: string
  readonly uid: string | undefined
  /** Since when the address has no Pod, or another one, on this Pod's clock. */
  goneAt: number | undefined
}

export interface PeerLivenessOptions {
  log: Log
  links(): ReadonlyMap<string, PeerLink>
  sessions: RunSessions
}

/** Liveness of the Pods of other epochs, as far as this Pod can judge: Pods that have gone, by their addresses, and silent ones. */
export class PeerLiveness {
  readonly #options: PeerLivenessOptions
  readonly #homes = new Map<string, Home>()
  /** Epochs that this Pod never reached, and since when their Pods have gone, as peers have told. */
  readonly #toldGone = new Map<string, number>()

  constructor(options: PeerLivenessOptions) {
    this.#options = options
  }

  /** Compares the Pods with the links, which have changed. */
  update(now: number): void {
    const { log } = this.#options
    const links = this.#options.links()
    for (const { target, peer } of links.values()) {
      if (peer === undefined) continue
      const home = this.#homes.get(peer.epoch)
      if (home?.host === target.host && home.uid === target.uid) home.goneAt = undefined
      else this.#homes.set(peer.epoch, { host: target.host, uid: target.uid, goneAt: undefined })
    }
    for (const [epoch, home] of this.#homes) {
      const link = links.get(home.host)
      const isAtHome = link !== undefined && link.target.uid === home.uid
      if (isAtHome && (link.peer === undefined || link.peer.epoch === epoch)) continue
      home.goneAt ??= now
      if (log.epochs.get(epoch) !== undefined) continue
      // A run that this Pod keeps for longer stays lost.
      this.onTold(epoch, home.goneAt)
      this.#homes.delete(epoch)
    }
  }

  /** A peer has told since when the Pod has gone: the latest time that any peer tells of counts. */
  onTold(epoch: string, goneAt: number): void {
    const told = this.#toldGone.get(epoch)
    if (told !== undefined && told >= goneAt) return
    if (told === undefined && this.#toldGone.size >= MAX_EPOCHS)
      this.#toldGone.delete(this.#toldGone.keys().next().value as string)
    this.#toldGone.set(epoch, goneAt)
  }

  /** False for an epoch that a peer may have invented: nothing is stored of it. */
  isKnown(epoch: string): boolean {
    return this.#options.log.epochs.get(epoch) !== undefined || this.#options.sessions.has(epoch)
  }

  /** Returns whether the Pod was deleted, or its address answers with another epoch. */
  isGone(epoch: string): boolean {
    return this.#goneAt(epoch) !== undefined
  }

  /** Milliseconds since the Pod has gone; undefined: it has not. */
  goneAge(epoch: string, now: number): number | undefined {
    const goneAt = this.#goneAt(epoch)
    return goneAt === undefined ? undefined : ageMs(goneAt, now)
  }

  #goneAt(epoch: string): number | undefined {
    const { log, sessions } = this.#options
    if (sessions.has(epoch)) return undefined
    const home = this.#homes.get(epoch)
    const goneAt = home === undefined ? this.#toldGone.get(epoch) : home.goneAt
    // A Pod that the finder has lost, or whose address leads to several Pods, is heard all the same.
    return goneAt !== undefined && (log.epochs.get(epoch)?.lastActive ?? 0) <= goneAt ? goneAt : undefined
  }

  /** Milliseconds since the last entry of the epoch arrived; undefined: this Pod knows nothing of it. */
  silence(epoch: string, now: number): number | undefined {
    const { log } = this.#options
    if (epoch === log.epoch) return 0
    const since = log.epochs.get(epoch)?.lastActive
    return since && ageMs(since, now)
  }

  /** Returns whether a Pod is silent of which no entry has arrived for `ms`, here or at a peer. */
  isSilent(ms: number): boolean {
    return ms > SILENT_INTERVALS * this.#options.log.timing.noopIntervalMs
  }

  /** @see RunPeers.stateOf */
  stateOf(epoch: string, now: number): PeerRunState {
    const { log } = this.#options
    if (epoch === log.epoch) return { state: 'self' }
    if (this.isGone(epoch)) return { state: 'gone' }
    const since = log.epochs.get(epoch)?.lastActive
    if (since === undefined) return { state: 'unknown' }
    return this.isSilent(now - since) ? { state: 'silent', since } : { state: 'connected' }
  }
}
