import type { Clock } from '../clock.ts'
import { MAX_ASKED, type RunSummary } from '../wire/run-messages.ts'
import { compareRunIds, type RunId } from '../wire/runs.ts'
import type { RunRequests } from './run-requests.ts'

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

/** Asks one peer for all runs: after the initial sync, and after entries of the log are known to be missing. */
export class RunSync {
  readonly #options: RunSyncOptions
  #isDue = true
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

  /** The log may lack headers. */
  require(): void {
    this.#isDue = true
    this.tryNow()
  }

  /** Begins, if it is due and a peer can be reached. */
  tryNow(): void {
    if (!this.#isDue || this.#isBusy || this.#isStopped || this.#cancel !== undefined) return
    const { clock } = this.#options
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
    const { clock, requests, learn } = this.#options
    const peers = requests.reachable()
    const peer = peers[Math.floor(clock.random() * peers.length)]
    if (peer === undefined || !this.#isDue) return
    this.#triedAt = clock.now()
    this.#isBusy = true
    // A hole that is found meanwhile makes it due again.
    this.#isDue = false
    let after: RunId | '' = ''
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const answer = await requests.send(peer, { after })
      if (answer === undefined) {
        this.#isDue = true
        break
      }
      learn(answer.runs)
      const last = answer.runs.at(-1)
      if (last === undefined || answer.runs.length < MAX_ASKED) break
      // A peer that repeats itself would be asked for ever.
      if (after !== '' && compareRunIds(last.id, after) <= 0) break
      after = last.id
    }
    this.#isBusy = false
    if (this.#isDue) this.tryNow()
  }
}
