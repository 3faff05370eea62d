import type { RunEndState } from '../wire/run-header.ts'

/** Counters of runs since the start of the process, over all incarnations. */
export class RunCounts {
  /** Runs that were started on this Pod. */
  started = 0
  /** Runs of this Pod that have ended, by state. */
  readonly ended: Record<RunEndState, number> = { ended: 0, failed: 0, cancelled: 0 }
  /** Runs of this Pod that ended because another Pod had started the name. */
  superseded = 0
  /** Chunks that connections received, counted once for each connection. */
  delivered = 0
  /** Times that the memory limit took chunks from this Pod's copies: of runs that have ended or are held elsewhere, or of running ones. */
  readonly evictions: Record<'spare' | 'running', number> = { spare: 0, running: 0 }
  /** Runs of other Pods that this Pod has judged to be interrupted, and to be lost. */
  interrupted = 0
  lost = 0
  /** Calls of `cancelRun()` on this Pod, by outcome. */
  readonly cancels: Record<'cancelled' | 'not-running' | 'unreachable', number> = {
    cancelled: 0,
    'not-running': 0,
    unreachable: 0,
  }
  /** Questions to the peers for names and ids that this Pod does not know. */
  asks = 0
}
