import { fnv1a } from '../wire/fnv1a.ts'
import { producerOf, type RunId } from '../wire/runs.ts'

export interface HoldersOptions {
  /** Number of further Pods that keep a copy of each run: the option `runs.holders`. */
  count: number
  /** The epoch of this Pod. */
  ownEpoch(): string
}

/**
 * The holders of each run, by this Pod's view of its peers: the first Pods by rendezvous hash of the run id and their epochs,
 * without the producer. When a Pod comes or goes, only the runs move that it holds or that it is to hold.
 * @see https://en.wikipedia.org/wiki/Rendezvous_hashing
 */
export class Holders {
  readonly #options: HoldersOptions
  readonly #peers = new Map<string, number>()

  constructor(options: HoldersOptions) {
    this.#options = options
  }

  /** Adopts the epochs of the peers that can hold runs. Returns whether they have changed. */
  setPeers(epochs: ReadonlySet<string>): boolean {
    const peers = this.#peers
    let hasChanged = epochs.size !== peers.size
    for (const epoch of epochs) hasChanged ||= !peers.has(epoch)
    if (!hasChanged) return false
    peers.clear()
    for (const epoch of epochs) peers.set(epoch, fnv1a(epoch))
    return true
  }

  /** Number of other Pods that are to hold a run of this Pod. */
  get others(): number {
    return Math.min(this.#options.count, this.#peers.size)
  }

  /** Returns whether this Pod is a holder of a run of another Pod. */
  isOwn(id: RunId): boolean {
    const { count, ownEpoch } = this.#options
    const own = ownEpoch()
    const producer = producerOf(id)
    if (count === 0 || producer === own) return false
    const run = fnv1a(id)
    const ownRank = mix(run ^ fnv1a(own))
    let before = 0
    for (const [epoch, hash] of this.#peers) {
      if (epoch === producer) continue
      const rank = mix(run ^ hash)
      if (rank < ownRank || (rank === ownRank && epoch > own)) continue
      before += 1
      if (before >= count) return false
    }
    return true
  }
}

/** The finalizer of MurmurHash3: each bit of the result depends on each bit of `hash`. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
