import { type Clock, pause } from '../clock.ts'
import { MAX_ASKED, type RunSummary } from '../wire/run-messages.ts'
import type { RunId } from '../wire/runs.ts'
import type { RunCopies } from './run-copies.ts'
import type { RunRequests } from './run-requests.ts'

/** Interval at which a Pod that stops asks whether others have its copies, in milliseconds. */
const INTERVAL_MS = 100

export interface RunHandoverOptions {
  clock: Clock
  copies: RunCopies
  requests: RunRequests
  /** Returns whether the peer drains as well. */
  isLeaving(epoch: string): boolean
  /** False if no other Pod is to hold runs. */
  hasHolders: boolean
  signal: AbortSignal
}

/** The part of a copy that another Pod is to have. */
interface Extent {
  readonly first: number
  readonly next: number
  readonly hasEnd: boolean
}

/** Waits until other Pods have all that this Pod holds of runs, because it stops. */
export class RunHandover {
  readonly #options: RunHandoverOptions
  readonly #left = new Map<RunId, Extent>()

  constructor(options: RunHandoverOptions) {
    this.#options = options
  }

  /** Number of copies that no other Pod is known to have. */
  get left(): number {
    return this.#left.size
  }

  /** Resolves when each copy of now is whole at another Pod, no Pod can take any, or after `timeoutMs`. */
  async run(timeoutMs: number): Promise<void> {
    const { clock, copies, requests, isLeaving, hasHolders, signal } = this.#options
    if (!hasHolders) return
    for (const { id, first, next, end } of copies.values())
      if (next > first) this.#left.set(id, { first, next, hasEnd: end !== undefined })
    const deadline = clock.now() + timeoutMs
    while (this.#left.size > 0 && !signal.aborted) {
      const isComplete = await this.#ask()
      if (this.#left.size === 0 || clock.now() >= deadline) return
      // Without an answer, another process may have taken the place of a Pod that drained, which its link is about to find.
      if (isComplete && requests.reachable().every(({ epoch }) => isLeaving(epoch))) return
      await pause(clock, INTERVAL_MS)
    }
  }

  /** Returns whether all Pods that may be reached have answered. */
  async #ask(): Promise<boolean> {
    const { requests, isLeaving } = this.#options
    const ids = [...this.#left.keys()]
    let areComplete = true
    for (let i = 0; i < ids.length; i += MAX_ASKED) {
      const { answers, isComplete } = await requests.sendToAll({ ids: ids.slice(i, i + MAX_ASKED) })
      areComplete &&= isComplete
      for (const { peer, answer } of answers) {
        if (isLeaving(peer.epoch)) continue
        for (const run of answer.runs) this.#check(run)
      }
    }
    return areComplete
  }

  #check({ id, first, next, end }: RunSummary): void {
    const extent = this.#left.get(id)
    if (extent === undefined || first > extent.first || next < extent.next) return
    if (!extent.hasEnd || end !== undefined) this.#left.delete(id)
  }
}
