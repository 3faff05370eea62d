import type { Timing } from '../log/timing.ts'
import { type PeerRunState, type RunPeers, SILENT_INTERVALS } from './run-peers.ts'

/** Whether the producer of a run is alive, as far as this Pod can judge. */
export type Liveness = 'alive' | 'interrupted' | 'lost'

/** Time without an entry of the epoch after which its runs are lost, in milliseconds, if the log does not forget it sooner. */
const LOST_MS = 60_000

export interface RunLivenessOptions {
  timing: Timing
  /** The epoch of this Pod. */
  ownEpoch(): string
  peers(): RunPeers
}

/** Judges whether the producers of runs are alive, by the facts about their Pods. */
export class RunLiveness {
  readonly #options: RunLivenessOptions
  /** Since when nothing is known of an epoch. */
  readonly #unknownSince = new Map<string, number>()

  constructor(options: RunLivenessOptions) {
    this.#options = options
  }

  /** Judges the Pod with this epoch. */
  of(epoch: string, now: number): Liveness {
    if (epoch === this.#options.ownEpoch()) return 'alive'
    const fact = this.#options.peers().stateOf(epoch, now)
    if (fact.state === 'unknown') {
      const since = this.#unknownSince.get(epoch) ?? now
      this.#unknownSince.set(epoch, since)
      return this.#silent(now - since)
    }
    this.#unknownSince.delete(epoch)
    return this.#judge(fact, now)
  }

  /** Forgets the epochs that have no run. */
  retain(epochs: Pick<ReadonlySet<string>, 'has'>): void {
    for (const epoch of this.#unknownSince.keys()) if (!epochs.has(epoch)) this.#unknownSince.delete(epoch)
  }

  #judge(fact: Exclude<PeerRunState, { state: 'unknown' }>, now: number): Liveness {
    if (fact.state === 'gone') return 'lost'
    return fact.state === 'silent' ? this.#silent(now - fact.since) : 'alive'
  }

  #silent(ms: number): Liveness {
    const { noopIntervalMs, forgetMs } = this.#options.timing
    if (ms >= Math.min(LOST_MS, forgetMs)) return 'lost'
    return ms >= SILENT_INTERVALS * noopIntervalMs ? 'interrupted' : 'alive'
  }
}
