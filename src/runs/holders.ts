import { type Clock, runYielding } from '../clock.ts'
import { fnv1a } from '../wire/position.ts'
import { producerOf, type RunId } from '../wire/runs.ts'
import type { RunRecord } from './run-directory.ts'

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

/** How far other Pods hold the runs of this Pod. */
export class HeldRuns {
  readonly #runs = new Map<RunId, Map<string, number>>()

  /** The Pod has the chunks of the run before `next`. */
  onHeld(epoch: string, id: RunId, next: number): void {
    const held = this.#runs.get(id)
    if (held === undefined) this.#runs.set(id, new Map([[epoch, next]]))
    else if ((held.get(epoch) ?? 0) < next) held.set(epoch, next)
  }

  /** The Pod may drop its copy. */
  onUnwant(epoch: string, id: RunId): void {
    this.#runs.get(id)?.delete(epoch)
  }

  /** The Pods have gone. */
  onGone(isGone: (epoch: string) => boolean): void {
    for (const held of this.#runs.values())
      for (const epoch of held.keys()) if (isGone(epoch)) held.delete(epoch)
  }

  /** The run is not known any more. */
  forget(id: RunId): void {
    this.#runs.delete(id)
  }

  /** Number of Pods that have the chunks of the run before `next`. */
  count(id: RunId, next: number): number {
    let count = 0
    for (const held of this.#runs.get(id)?.values() ?? []) if (held >= next) count += 1
    return count
  }
}

/** Runs of one turn of the event loop. */
const SWEEP_RUNS = 500

export interface HolderSweepOptions {
  clock: Clock
  visit(record: RunRecord): void
  onError(error: unknown): void
}

/** Visits all known runs, some in each turn of the event loop, because there may be many. */
export class HolderSweep {
  readonly #options: HolderSweepOptions
  #work: Generator<void> | undefined

  constructor(options: HolderSweepOptions) {
    this.#options = options
  }

  /** Begins anew. */
  start(records: Iterable<RunRecord>): void {
    const { clock, onError } = this.#options
    this.stop()
    this.#work = this.#visitAll(records)
    runYielding(clock, this.#work, onError)
  }

  stop(): void {
    this.#work?.return(undefined)
  }

  *#visitAll(records: Iterable<RunRecord>): Generator<void> {
    let visited = 0
    for (const record of records) {
      this.#options.visit(record)
      visited += 1
      if (visited % SWEEP_RUNS === 0) yield
    }
  }
}
