import type { Clock } from '../clock.ts'
import { MAX_ASKED, type RunSummary } from '../wire/run-messages.ts'
import type { RunId } from '../wire/runs.ts'
import type { RunDirectory } from './run-directory.ts'
import type { AskedPeer, RunRequests } from './run-requests.ts'

/** Bounds of the time between two questions to a producer's Pod, in milliseconds. */
const MIN_INTERVAL_MS = 5_000
const MAX_INTERVAL_MS = 60_000

export interface RunRevalidationOptions {
  clock: Clock
  requests: Pick<RunRequests, 'reachable' | 'send'>
  directory: RunDirectory
  /** A peer has told what it knows. */
  learn(runs: readonly RunSummary[]): void
  signal: AbortSignal
}

/**
 * Asks the producers' Pods now and then for the runs that run as far as this Pod knows: the log may have lost the header of the
 * end, and once all other Pods have forgotten the run, nothing else tells of it.
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-4.3
 */
export class RunRevalidation {
  readonly #options: RunRevalidationOptions
  readonly #intervalMs: number
  #cancel: (() => void) | undefined

  constructor(options: RunRevalidationOptions) {
    this.#options = options
    // While the producer's Pod keeps the ended run, it tells the end.
    const { retainMs } = options.directory
    this.#intervalMs = Math.max(MIN_INTERVAL_MS, Math.min(MAX_INTERVAL_MS, retainMs / 2))
  }

  /** Asks while there are running runs, until the signal aborts. */
  start(): void {
    const { directory, signal } = this.#options
    directory.onRecord(({ end }) => {
      if (end === undefined) this.#schedule()
    })
    signal.addEventListener('abort', () => this.#cancel?.(), { once: true })
  }

  #schedule(): void {
    if (this.#cancel !== undefined || this.#options.signal.aborted) return
    this.#cancel = this.#options.clock.after(this.#intervalMs, () => {
      this.#cancel = undefined
      this.#askAll()
    })
  }

  #askAll(): void {
    const { clock, requests, directory } = this.#options
    const startedBefore = clock.now() - this.#intervalMs
    const peers = new Map(requests.reachable().map((peer) => [peer.epoch, peer]))
    const ids = new Map<AskedPeer, RunId[]>()
    let hasRunning = false
    for (const { id, epoch, end, isForgotten, startedAt } of directory.values()) {
      if (end !== undefined || isForgotten) continue
      hasRunning = true
      const peer = peers.get(epoch)
      if (peer === undefined || startedAt > startedBefore) continue
      const others = ids.get(peer)
      if (others === undefined) ids.set(peer, [id])
      else others.push(id)
    }
    for (const [peer, asked] of ids) void this.#ask(peer, asked)
    if (hasRunning) this.#schedule()
  }

  async #ask(peer: AskedPeer, ids: readonly RunId[]): Promise<void> {
    const { requests, directory, learn, signal } = this.#options
    for (let i = 0; i < ids.length; i += MAX_ASKED) {
      const asked = ids.slice(i, i + MAX_ASKED)
      const answer = await requests.send(peer, { ids: asked })
      if (answer === undefined || signal.aborted) return
      learn(answer.runs)
      const known = new Set(answer.runs.map(({ id }) => id))
      for (const id of asked) {
        const record = known.has(id) ? undefined : directory.get(id)
        if (record !== undefined && record.end === undefined) record.isForgotten = true
      }
    }
  }
}
