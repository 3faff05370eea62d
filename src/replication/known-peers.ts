import type { Clock } from '../clock.ts'
import type { Timing } from '../log/timing.ts'
import type { Link } from './link.ts'
import { PeerProgress } from './peer-progress.ts'

/** Maximum number of remembered Pods that send messages and are in no list of peers, or not yet. */
export const MAX_UNLINKED_PEERS = 64

/** The Pods that have sent messages, by their epochs: those of the links, and some that are in no list of peers. */
export class KnownPeers {
  /** True if another Pod has ever sent a message. */
  hasMet = false
  readonly #options: { clock: Clock; timing: Timing; links: ReadonlyMap<string, Link> }
  readonly #progress = new Map<string, PeerProgress>()

  constructor(options: { clock: Clock; timing: Timing; links: ReadonlyMap<string, Link> }) {
    this.#options = options
  }

  /** Progress of the Pod with that epoch; a new one where the Pod was not known. */
  progressOf(epoch: string): PeerProgress {
    const { clock, links } = this.#options
    let progress = this.#progress.get(epoch)
    if (progress === undefined) {
      progress = new PeerProgress(epoch, clock.now())
      this.hasMet = true
      this.#progress.set(epoch, progress)
      if (this.#progress.size > links.size + MAX_UNLINKED_PEERS) this.#forgetUnlinked()
      for (const link of links.values()) link.probe()
    }
    return progress
  }

  /** Returns whether a link leads to that Pod. */
  isLinked(progress: PeerProgress): boolean {
    return Array.from(this.#options.links.values()).some((link) => link.peer === progress)
  }

  /** Forgets the Pods that have been silent for so long that their epochs are forgotten, too. */
  forget(now: number): void {
    for (const [epoch, { lastHeardAt }] of this.#progress) {
      if (now - lastHeardAt > this.#options.timing.dropMs) this.#progress.delete(epoch)
    }
  }

  /** Forgets the oldest progress that no link leads to. That peer loses its grace period, and no event. */
  #forgetUnlinked(): void {
    for (const [epoch, progress] of this.#progress) {
      if (this.isLinked(progress)) continue
      this.#progress.delete(epoch)
      return
    }
  }
}
