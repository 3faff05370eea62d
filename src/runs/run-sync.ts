import type { Clock } from '../clock.ts'
import { MAX_ASKED, type RunSummary } from '../wire/run-messages.ts'
import { compareRunIds, type RunId } from '../wire/runs.ts'
import type { AskedPeer, RunRequests } from './run-requests.ts'

/** Minimum time between two attempts, in milliseconds. */
const INTERVAL_MS = 1_000
/** Maximum number of answers of one peer: one that invents runs would be asked for ever. */
const MAX_PAGES = 1_000

export interface RunSyncOptions {
  clock: Clock
  requests: RunRequests
  /** A peer has told what it knows. */
  learn(runs: readonly RunSummary[]): void
}

/**
 * Asks for all runs: one peer after the initial sync, and after entries of an epoch are known to be missing the Pod that wrote
 * them, as soon as it can be reached, because the others may lack the same entries.
 */
export class RunSync {
  readonly #options: RunSyncOptions
  /** True until a peer has answered since the start, and since the last hole was found. */
  #isDue = true
  /** Epochs of which entries are missing, until their Pods have answered. */
  readonly #holes = new Set<string>()
  #isBusy = false
  #isStopped = false
  #triedAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  constructor(options: RunSyncOptions) {
    this.#options = options
  }

  /** True if this Pod knows the runs that a peer knew. */
  get isDone(): boolean {
    return !this.#isDue
  }

  /** The log may lack headers of the epoch. */
  require(epoch: string): void {
    this.#holes.add(epoch)
    this.#isDue = true
    this.tryNow()
  }

  /** The Pods of some epochs will not come back. */
  forget(isForgotten: (epoch: string) => boolean): void {
    for (const epoch of this.#holes) if (isForgotten(epoch)) this.#holes.delete(epoch)
  }

  /** Begins, if it is due and a peer can be reached. */
  tryNow(): void {
    if (this.#isBusy || this.#isStopped || this.#cancel !== undefined) return
    const { clock, requests } = this.#options
    if (!this.#isDue && !requests.reachable().some(({ epoch }) => this.#holes.has(epoch))) return
    const waitMs = Math.max(0, this.#triedAt + INTERVAL_MS - clock.now())
    this.#cancel = clock.after(waitMs, () => {
      this.#cancel = undefined
      void this.#run()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  async #run(): Promise<void> {
    const { clock, requests } = this.#options
    const peers = requests.reachable()
    const other = peers[Math.floor(clock.random() * peers.length)]
    if (other === undefined) return
    this.#triedAt = clock.now()
    this.#isBusy = true
    const asked = new Set(peers.filter(({ epoch }) => this.#holes.has(epoch)))
    if (this.#isDue && (asked.size === 0 || asked.size < this.#holes.size)) asked.add(other)
    // A hole that is found meanwhile makes it due again.
    this.#isDue = false
    for (const peer of asked) {
      const isHole = this.#holes.delete(peer.epoch)
      if (await this.#ask(peer)) continue
      this.#isDue = true
      if (isHole) this.#holes.add(peer.epoch)
    }
    this.#isBusy = false
    this.tryNow()
  }

  /** Asks a peer for all runs that it knows. Returns false where it does not answer. */
  async #ask(peer: AskedPeer): Promise<boolean> {
    const { requests, learn } = this.#options
    let after: RunId | '' = ''
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const answer = await requests.send(peer, { after })
      if (answer === undefined) return false
      learn(answer.runs)
      const last = answer.runs.at(-1)
      if (last === undefined || answer.runs.length < MAX_ASKED) break
      // A peer that repeats itself would be asked for ever.
      if (after !== '' && compareRunIds(last.id, after) <= 0) break
      after = last.id
    }
    return true
  }
}
