import type { Clock } from '../clock.ts'
import type { RunId } from '../wire/runs.ts'
import type { CancelOutcome } from './run-peers.ts'

/** Minimum time between two entries of the log that cancel the same run, in milliseconds. */
const REPEAT_MS = 10_000

export interface RunCancelsOptions {
  clock: Clock
  /** Asks the producer's Pod to cancel the run. */
  ask(id: RunId): Promise<CancelOutcome>
  /** Asks the producer by the log, which reaches it later. */
  append(id: RunId): void
}

/** Cancellations of runs of other Pods: however often clients ask for one, it costs one request at a time, and few entries. */
export class RunCancels {
  readonly #options: RunCancelsOptions
  readonly #pending = new Map<RunId, Promise<CancelOutcome>>()
  readonly #appendedAt = new Map<RunId, number>()

  constructor(options: RunCancelsOptions) {
    this.#options = options
  }

  cancel(id: RunId): Promise<CancelOutcome> {
    const pending = this.#pending.get(id) ?? this.#cancel(id).finally(() => this.#pending.delete(id))
    this.#pending.set(id, pending)
    return pending
  }

  /** The run is not known any more. */
  forget(id: RunId): void {
    this.#appendedAt.delete(id)
  }

  async #cancel(id: RunId): Promise<CancelOutcome> {
    const { clock, ask, append } = this.#options
    const outcome = await ask(id)
    const now = clock.now()
    if (
      outcome === 'unreachable' &&
      now - (this.#appendedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= REPEAT_MS
    ) {
      this.#appendedAt.set(id, now)
      append(id)
    }
    return outcome
  }
}
