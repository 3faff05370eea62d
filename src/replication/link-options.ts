import type { Target } from '../discovery/peer.ts'
import type { Log } from '../log/log.ts'
import type { Faults } from '../telemetry/faults.ts'
import type { Tally } from '../telemetry/tally.ts'
import type { AppendOptions } from './append.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { Replicator } from './replicator.ts'

/** What a link to one peer is made of. */
export interface LinkOptions extends Pick<AppendOptions, 'clock' | 'transport' | 'tracing'> {
  target: Target
  log: Log
  replicator: Replicator
  faults: Faults
  tally: Tally
  requestTimeoutMs: number
  /** Progress of the Pod with that epoch. */
  progressOf(epoch: string): PeerProgress
  /** Whether this Pod stood still: what was asked before cannot be dated any more. */
  isFrozen(): boolean
}
