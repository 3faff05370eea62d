import { countOf } from '../printable.ts'
import type { RunCounts } from '../telemetry/counters.ts'
import type { Logging } from '../telemetry/logging.ts'
import type { RunEndState } from '../wire/runs.ts'
import type { Liveness } from './run-liveness.ts'

export interface RunReportsOptions {
  counts: RunCounts
  logging: Pick<Logging, 'notice' | 'warnOncePerMinute'>
  /** The option `runs.maxBytes`. */
  maxBytes: number
}

/** Counts what happens to the runs of a Pod, and logs what its operator can act on. */
export class RunReports {
  readonly counts: RunCounts
  readonly #logging: RunReportsOptions['logging']
  readonly #maxBytes: number

  constructor({ counts, logging, maxBytes }: RunReportsOptions) {
    this.counts = counts
    this.#logging = logging
    this.#maxBytes = maxBytes
  }

  /** A run of this Pod has ended. */
  onEnd(name: string, state: RunEndState, isSuperseded: boolean): void {
    this.counts.ended[state] += 1
    if (!isSuperseded) return
    this.counts.superseded += 1
    this.#logging.warnOncePerMinute(
      'run superseded',
      `the run ${JSON.stringify(name)} of this Pod has ended as superseded, because another Pod had started this name: start each name on one Pod`,
    )
  }

  /** The memory limit has taken chunks from a copy. */
  onEvict(isRunning: boolean): void {
    this.counts.evictions[isRunning ? 'running' : 'spare'] += 1
    if (!isRunning) return
    this.#logging.warnOncePerMinute(
      'run evicted',
      `the oldest chunks of a running run were evicted, so its readers from the start get a gap: raise runs.maxBytes, ${this.#maxBytes} bytes`,
    )
  }

  /** The judgement of a producer's Pod, which has `runs` running runs, has changed. */
  onJudged(epoch: string, liveness: Liveness, runs: number): void {
    if (liveness === 'alive') return
    this.counts[liveness] += runs
    const why =
      liveness === 'lost' ? 'it has gone, or has been silent for too long' : 'nothing arrives from it'
    this.#logging.warnOncePerMinute(
      `runs ${liveness}`,
      `${countOf(runs, 'running run')} of the Pod with the epoch ${epoch}: ${liveness}, because ${why}`,
    )
  }

  /** This Pod drains with running runs. */
  onDrain(runs: number, timeoutMs: number): void {
    this.#logging.notice(
      `goes on with ${countOf(runs, 'running run')} for up to ${timeoutMs} ms (runs.drainTimeoutMs)`,
    )
  }

  /** The time of a drain was too short for some runs. */
  onDrainTimeout(runs: number): void {
    this.#logging.warnOncePerMinute(
      'run drained',
      `has ended ${countOf(runs, 'run')} as failed (draining), because the drain lasts no longer: raise runs.drainTimeoutMs`,
    )
  }
}
