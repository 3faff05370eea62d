import type { Clock } from '../clock.ts'
import type { Target } from '../discovery/peer.ts'
import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { Replicator } from './replicator.ts'

/** What a link to one peer is made of. */
export interface LinkOptions {
  target: Target
  clock: Clock
  client: PeerClient
  log: Log
  replicator: Replicator
  errors: ErrorReporter
  counters: Counters
  /** Progress of the Pod with that epoch. */
  progressOf(epoch: string): PeerProgress
  /** Whether this Pod stood still: what was asked before cannot be dated any more. */
  wasPaused(): boolean
}
