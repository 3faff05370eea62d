import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import type { Target } from '../transport/peer-transport.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { PendingAcks } from './pending-acks.ts'
import type { Replicator } from './replicator.ts'
import { RetryState } from './retry-state.ts'

/** Protocol for a peer that responds to v2 with 404. It has a cursor of its own over this Pod's events. */
export interface LegacyProtocol {
  /** True if the next request uses this protocol. */
  readonly isActive: boolean
  /** Seq up to which this Pod's own events need no further request. */
  readonly ackedSeq: number
  /** Begins at `ackedSeq` or at its own cursor, whichever is later. */
  begin(ackedSeq: number): void
  /** Lets the next request use v2 again. */
  end(): void
  /** Sends the next event. */
  sendNext(target: Target, signal: AbortSignal): Promise<void>
}

export interface SingleRequestsOptions {
  log: Log
  replicator: Replicator
  client: PeerClient
  clock: Clock
  acks: PendingAcks
  errors: ErrorReporter
  counters: Counters
  legacy: LegacyProtocol
  /** Progress of the Pod with that epoch. */
  progressOf(epoch: string): PeerProgress
  /** Returns whether this Pod's process was paused: responses to earlier requests cannot be dated then. */
  wasPaused(): boolean
  /** Returns whether no peer has ever sent this Pod a message. */
  isAlone(): boolean
}

/** The link whose requests these are. */
export interface RequestOwner {
  /** The latest news of the finder about the peer. */
  target(): Target
  /** Returns whether the address is that of this Pod. */
  isSelf(): boolean
  /** The Pod that the link leads to. */
  peer(): PeerProgress | undefined
  /** Returns whether the peer is sent entries of third Pods without their grace, because this Pod leaves. */
  isFlushing(): boolean
  /** Returns whether there is something to send. */
  hasWork(): boolean
  /** Returns whether an open exchange sends it. */
  isExchanging(): boolean
  /** The peer has responded. */
  onResponse(peer: PeerProgress): void
  /** This Pod itself has responded. */
  onSelf(): void
  /** The peer has taken a request. */
  onTaken(): void
  /** The peer does not know v2. */
  onLegacyPeer(): void
  /** A Go Pod has taken an event. */
  onLegacyAck(): void
  /** A request has failed. */
  onFailure(): void
  /** No request is in flight any more. */
  onIdle(): void
}

/** Result of a request: the peer, and whether it took any of the entries. `unknown`: it does not know v2. */
type AppendResult = { peer: PeerProgress; hasTaken: boolean } | 'self' | 'unknown'

/**
 * Sends a peer the entries that it lacks, each message as a request of its own, whose response tells its position. One request is
 * in flight; one that fails is repeated after a growing wait.
 */
export class SingleRequests {
  readonly retryState: RetryState
  /** True while a request is in flight. */
  isBusy = false
  readonly #options: SingleRequestsOptions
  readonly #owner: RequestOwner
  readonly #signal: AbortSignal

  constructor(options: SingleRequestsOptions, owner: RequestOwner, signal: AbortSignal) {
    this.#options = options
    this.#owner = owner
    this.#signal = signal
    this.retryState = new RetryState(options.clock)
  }

  /** True if a request is in flight, or waits for its retry. */
  get isBusyOrWaiting(): boolean {
    return this.isBusy || this.retryState.isWaiting
  }

  /** Sends requests until the owner has no more work, or one fails. */
  async start(): Promise<void> {
    this.isBusy = true
    try {
      // Yield once, so that all events sent in this turn travel together.
      await undefined
      do await this.#step()
      while (!this.#owner.isExchanging() && this.#owner.hasWork())
    } catch (error) {
      // An exchange that has opened meanwhile sends the rest.
      if (!this.#owner.isExchanging()) this.fail(error)
    } finally {
      this.isBusy = false
      this.#owner.onIdle()
    }
  }

  /** Ends the failures. */
  succeed(): void {
    const { failures, hasResponded } = this.retryState
    this.retryState.end()
    if ((failures > 0 || !hasResponded) && !this.#owner.isSelf())
      this.#options.errors.recovered(this.#owner.target().host)
  }

  /** Records a failure, and schedules the next request. */
  fail(error: unknown): void {
    if (this.#signal.aborted) return
    const { errors, counters, isAlone } = this.#options
    const target = this.#owner.target()
    const kind = this.retryState.fail(error, target, isAlone())
    this.#owner.onFailure()
    if (kind !== 'expected')
      errors.report(error, { stage: 'append', peer: target.host }, { isBrief: kind === 'brief' })
    this.retryState.scheduleRetry(() => {
      counters.retries += 1
      void this.start()
    })
  }

  async #step(): Promise<void> {
    const { legacy } = this.#options
    if (legacy.isActive) {
      await legacy.sendNext(this.#owner.target(), this.#signal)
      this.#owner.onLegacyAck()
      return
    }
    const isV2 = await this.#append()
    this.succeed()
    if (isV2) this.#owner.onTaken()
    else this.#owner.onLegacyPeer()
  }

  /** Sends one v2 request and applies the response; false if the peer does not know v2. */
  async #append(): Promise<boolean> {
    const owner = this.#owner
    const before = owner.peer()
    const result = await this.#request(owner.target(), before, owner.isFlushing())
    if (result === 'unknown') return false
    if (result === 'self') {
      owner.onSelf()
      return true
    }
    owner.onResponse(result.peer)
    if (result.peer === before && !result.hasTaken && owner.hasWork())
      throw new SserError('peer-failed', 'answers, but takes nothing')
    return true
  }

  /** Sends one request to a peer, of which `before` is known, and applies its response. `third`: see {@link Replicator.buildAppend}. */
  async #request(target: Target, before: PeerProgress | undefined, third: boolean): Promise<AppendResult> {
    const { acks, client, clock, wasPaused, replicator, log, progressOf } = this.#options
    const message =
      before === undefined
        ? replicator.handshake(clock.now())
        : replicator.buildAppend(before, { own: true, third }, clock.now())
    const ownRange = message.runs.find((run) => run.epoch === log.epoch)
    if (ownRange !== undefined) acks.onOwnRange(before?.match(log.epoch) ?? 0, ownRange)
    const matches = message.runs.map((run) => before?.match(run.epoch) ?? 0)
    const response = await client.append(target, message, { signal: this.#signal })
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
