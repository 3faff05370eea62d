import type { Clock } from '../clock.ts'
import type { Timing } from '../log/timing.ts'
import type { RunId } from '../wire/runs.ts'
import type { RunDirectory } from './run-directory.ts'
import type { Liveness, RunLiveness } from './run-liveness.ts'
import type { RunReports } from './run-reports.ts'

export interface RunReviewOptions {
  clock: Clock
  timing: Timing
  liveness: RunLiveness
  directory: RunDirectory
  reports: RunReports
  /** The judgement of the producer of a run has changed. */
  onJudged(id: RunId): void
}

/** Judges the producers of running runs, and forgets runs that are not kept any longer, while there are runs. */
export class RunReview {
  readonly #options: RunReviewOptions
  /** Last judgement of each epoch that has running runs. */
  readonly #judged = new Map<string, Liveness>()
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(options: RunReviewOptions) {
    this.#options = options
  }

  schedule(): void {
    if (this.#cancel !== undefined || this.#isStopped) return
    const { clock, timing } = this.#options
    this.#cancel = clock.after(timing.noopIntervalMs / 2, () => {
      this.#cancel = undefined
      this.#review()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #review(): void {
    const { clock, liveness, directory, reports, onJudged } = this.#options
    const now = clock.now()
    /** Running runs by epoch. */
    const running = new Map<string, number>()
    const judged = new Map<string, Liveness>()
    for (const record of directory.values()) {
      const { id, epoch, end, isForgotten } = record
      if (end !== undefined) continue
      if (isForgotten) {
        if (record.endedAt === undefined) onJudged(id)
        record.endedAt ??= now
        continue
      }
      running.set(epoch, (running.get(epoch) ?? 0) + 1)
      const judgement = judged.get(epoch) ?? liveness.of(epoch, now)
      judged.set(epoch, judgement)
      if (judgement !== 'lost') record.endedAt = undefined
      else record.endedAt ??= now
      if (judgement !== this.#judged.get(epoch)) onJudged(id)
    }
    for (const [epoch, judgement] of judged)
      if (judgement !== this.#judged.get(epoch)) reports.onJudged(epoch, judgement, running.get(epoch) ?? 0)
    this.#judged.clear()
    for (const [epoch, judgement] of judged) this.#judged.set(epoch, judgement)
    liveness.retain(judged)
    for (const record of directory.expired(now)) directory.remove(record)
    if (directory.size > 0) this.schedule()
  }
}
