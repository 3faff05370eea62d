import type { Clock } from '../clock.ts'
import type { Target } from '../discovery/peer-finder.ts'
import { SserError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { PendingAcks } from './pending-acks.ts'
import type { Replicator } from './replicator.ts'

export interface SingleRequestsOptions {
  log: Log
  replicator: Replicator
  client: PeerClient
  clock: Clock
  acks: PendingAcks
  /** Progress of the Pod with that epoch. */
  progressOf(epoch: string): PeerProgress
  /** Returns whether this Pod's process was paused: responses to earlier requests cannot be dated then. */
  wasPaused(): boolean
}

/** Result of a request: the peer, and whether it took any of the entries. `unknown`: it does not know v2. */
type AppendResult = { peer: PeerProgress; hasTaken: boolean } | 'self' | 'unknown'

/** Sends a peer the entries that it lacks, each message as a request of its own, whose response tells its position. */
export class SingleRequests {
  readonly #options: SingleRequestsOptions

  constructor(options: SingleRequestsOptions) {
    this.#options = options
  }

  /** Sends one request to a peer, of which `before` is known, and applies its response. `third`: see {@link Replicator.buildAppend}. */
  async append(
    target: Target,
    before: PeerProgress | undefined,
    third: boolean,
    signal: AbortSignal,
  ): Promise<AppendResult> {
    const { acks, client, clock, wasPaused, replicator, log, progressOf } = this.#options
    const message =
      before === undefined
        ? replicator.handshake(clock.now())
        : replicator.buildAppend(before, { own: true, third }, clock.now())
    const ownRange = message.runs.find((run) => run.epoch === log.epoch)
    if (ownRange !== undefined) acks.onOwnRange(before?.match(log.epoch) ?? 0, ownRange)
    const matches = message.runs.map((run) => before?.match(run.epoch) ?? 0)
    const response = await client.append(target, message, { signal })
    acks.reset()
    if (wasPaused()) throw new SserError('stopped', 'this Pod was paused')
    if (response === undefined) return 'unknown'
    if (response.epoch === log.epoch) return 'self'
    const now = clock.now()
    const peer = replicator.receive(response, progressOf, now)
    peer.lastSuccessAt = now
    const hasTaken =
      message.runs.length === 0 || message.runs.some((run, i) => peer.match(run.epoch) > (matches[i] ?? 0))
    return { peer, hasTaken }
  }
}
