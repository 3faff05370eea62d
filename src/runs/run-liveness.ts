import type { Timing } from '../log/timing.ts'
import { type PeerRunState, type RunPeers, SILENT_INTERVALS } from './run-peers.ts'

/** Liveness of the producer of a run, as far as this Pod can judge. */
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
  /** Of epochs that this Pod knows nothing of: since when, or the last entry that a peer has told of. */
  readonly #unknown = new Map<string, { since: number; isTold: boolean }>()

  constructor(options: RunLivenessOptions) {
    this.#options = options
  }

  /** Judges the Pod with this epoch. */
  of(epoch: string, now: number): Liveness {
    if (epoch === this.#options.ownEpoch()) return 'alive'
    const fact = this.#options.peers().stateOf(epoch, now)
    if (fact.state === 'unknown') {
      const known = this.#unknown.get(epoch) ?? { since: now, isTold: false }
      this.#unknown.set(epoch, known)
      return this.#silent(now - known.since)
    }
    this.#unknown.delete(epoch)
    return this.#judge(fact, now)
  }

  /** A peer has told when it received the last entry of an epoch: the latest one that any peer tells of counts. */
  onTold(epoch: string, since: number): void {
    const known = this.#unknown.get(epoch)
    if (known?.isTold !== true || known.since < since) this.#unknown.set(epoch, { since, isTold: true })
  }

  /** Forgets the epochs that have no run. */
  retain(epochs: Pick<ReadonlySet<string>, 'has'>): void {
    for (const epoch of this.#unknown.keys()) if (!epochs.has(epoch)) this.#unknown.delete(epoch)
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
