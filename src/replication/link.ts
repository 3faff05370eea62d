import type { Clock } from '../clock.ts'
import type { Target } from '../discovery/peer.ts'
import { SserError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import type { Position } from '../wire/position.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { LinkState, PeerStatus } from './peer-status.ts'
import { DELIVERED, type PendingAcks } from './pending-acks.ts'
import type { AckResult } from './receipt.ts'
import type { Replicator } from './replicator.ts'
import { LEAVING, RetryState } from './retry-state.ts'

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

export interface LinkOptions {
  target: Target
  log: Log
  replicator: Replicator
  client: PeerClient
  clock: Clock
  errors: ErrorReporter
  counters: Counters
  acks: PendingAcks
  legacy: LegacyProtocol
  /** Progress of the Pod with that epoch. */
  progressOf(epoch: string): PeerProgress
  /** Returns whether no peer has ever sent this Pod a message. */
  isAlone(): boolean
  /** Returns whether this Pod's process was paused: responses to earlier requests cannot be dated then. */
  wasPaused(): boolean
}

/**
 * The way to one peer: a cursor over this Pod's own events, with one request in flight, so that events sent meanwhile
 * travel together in the next one. A link never gives up; it waits longer.
 */
export class Link {
  #target: Target
  readonly #options: LinkOptions
  readonly acks: PendingAcks
  readonly #retryState: RetryState
  readonly #abort = new AbortController()
  #state: LinkState = 'connecting'
  #peer: PeerProgress | undefined
  #isBusy = false
  #flushing: Position | undefined

  constructor(options: LinkOptions) {
    this.#target = options.target
    this.#options = options
    this.acks = options.acks
    this.#retryState = new RetryState(options.clock)
  }

  get target(): Target {
    return this.#target
  }

  /** Adopts later news of the finder about the same Pod. A peer that has become ready is sent a request at once. */
  update(target: Target): void {
    const isReadyNow = this.#target.ready === false && target.ready !== false
    this.#target = target
    if (isReadyNow && this.#retryState.cancelRetry()) this.poke()
  }

  status(): PeerStatus {
    const { clock, log } = this.#options
    const lag = this.#state === 'self' ? 0 : log.ownSeq - this.#ackedSeq()
    return {
      peer: this.target.host,
      state: this.#state,
      epoch: this.#peer?.epoch,
      lag,
      lagMs: lag <= 0 ? 0 : log.ownAge(this.#ackedSeq(), clock.now()),
      failures: this.#retryState.failures,
      lastError: this.#retryState.lastError,
    }
  }

  /** True if the peer and this Pod refused each other, and no request has succeeded since. */
  get isRefused(): boolean {
    return this.#retryState.isRefused
  }

  /** True if another Pod has ever responded. */
  get hasAnswered(): boolean {
    return this.#retryState.hasResponded && this.#state !== 'self'
  }

  /** True if a stopping Pod need not wait for the peer: it has never responded, and no response is to be expected. */
  get isUnmet(): boolean {
    if (this.#retryState.hasResponded) return false
    return !this.#isBusy || this.#retryState.isHung || this.acks.isExpired
  }

  /** Returns whether the link leads to the Pod with this progress. */
  leadsTo(peer: PeerProgress): boolean {
    return this.#peer === peer
  }

  /** Checks for work, after this Pod appended an event or the peer sent a message. */
  poke(): void {
    this.#settleAcks()
    if (this.#isBusy || this.#retryState.isWaiting || !this.#hasWork()) return
    void this.#work()
  }

  /**
   * Sends the peer all of `position`, the events of third Pods too, without the grace and without the rest of a backoff, because
   * this Pod leaves.
   */
  flush(position: Position): void {
    this.#flushing = position
    this.#retryState.cancelRetry()
    this.poke()
  }

  /**
   * Returns whether the peer holds all that `flush()` asked for, or a Go Pod was sent its part; undefined: it is
   * unavailable.
   */
  isFlushed(): boolean | undefined {
    const { log } = this.#options
    const position = this.#flushing ?? new Map<string, number>()
    if (this.#state === 'v1') return this.#ackedSeq() >= (position.get(log.epoch) ?? 0)
    return this.#state === 'connected' ? this.#peer?.covers(position) : undefined
  }

  /** Calls `settle`, at once or later, with the result of the event `seq` of `epoch` at the peer. */
  onAck(epoch: string, seq: number, settle: (result: AckResult) => void): void {
    if (this.#state === 'self') settle(undefined)
    else if (epoch !== this.#options.log.epoch) {
      // A third Pod's event: no request of this Pod will bring news of it.
      const isHeld = this.#peer?.epoch === epoch || (this.#peer?.match(epoch) ?? 0) >= seq
      settle(isHeld ? DELIVERED : { status: 'pending', reason: 'sent by another Pod' })
    }
    // Duplicate send: no request will follow, so settle from what is already acknowledged.
    else if (this.#retryState.hasResponded && this.#ackedSeq() >= seq) settle(this.acks.resultOf(seq))
    else if (this.#state === 'failing') settle(this.#retryState.result(this.target))
    else this.acks.onAck(seq, settle)
  }

  /** Tries v2 again, because an unknown Pod sent a request: it may be the one that did not know v2 so far. */
  probe(): void {
    this.#options.legacy.end()
  }

  stop(reason: string): void {
    this.#abort.abort(new SserError('stopped', reason))
    this.#retryState.cancelRetry()
    this.acks.settleAll(this.target.terminating ? LEAVING : { status: 'failed', reason })
  }

  #hasWork(): boolean {
    if (this.#abort.signal.aborted || this.#state === 'self') return false
    if (this.#peer === undefined && this.#state !== 'v1') return true
    if (this.#flushing !== undefined && this.isFlushed() === false) return true
    return this.#ackedSeq() < this.#options.log.ownSeq
  }

  async #work(): Promise<void> {
    this.#isBusy = true
    try {
      // Yield once, so that all events sent in this turn travel together.
      await undefined
      do await this.#step()
      while (this.#hasWork())
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isBusy = false
    }
  }

  async #step(): Promise<void> {
    const { errors, legacy } = this.#options
    if (legacy.isActive) {
      await legacy.sendNext(this.#target, this.#abort.signal)
      this.#settleAcks()
      return
    }
    const isV2 = await this.#append()
    const { failures, hasResponded } = this.#retryState
    this.#retryState.end()
    if ((failures > 0 || !hasResponded) && this.#state !== 'self') errors.recovered(this.target.host)
    if (isV2) return
    this.#state = 'v1'
    legacy.begin(this.#ackedSeq())
    this.#peer = undefined
  }

  /** Sends one v2 request and applies the response; false if the peer does not know v2. */
  async #append(): Promise<boolean> {
    const { client, clock, wasPaused, replicator, log, progressOf } = this.#options
    const before = this.#peer
    const message =
      before === undefined
        ? replicator.handshake(clock.now())
        : replicator.buildAppend(before, { own: true, third: this.#flushing !== undefined }, clock.now())
    // The peer will skip to the floor; the events below it must not look as if it had taken them.
    const floor = message.runs.find((run) => run.epoch === log.epoch && run.floor === true)?.prev
    if (floor !== undefined) this.acks.evict(before?.match(log.epoch) ?? 0, floor)
    const matches = message.runs.map((run) => before?.match(run.epoch) ?? 0)
    const response = await client.append(this.target, message, this.#abort)
    this.acks.reset()
    if (wasPaused()) throw new SserError('stopped', 'this Pod was paused')
    if (response === undefined) return false
    if (response.epoch === log.epoch) {
      this.#state = 'self'
      this.acks.settleAll(undefined)
      return true
    }
    const now = clock.now()
    const peer = replicator.receive(response, progressOf, now)
    peer.lastSuccessAt = now
    if (peer !== before) this.acks.clearSkipped()
    this.#peer = peer
    this.#state = 'connected'
    this.#settleAcks()
    const hasTaken =
      message.runs.length === 0 || message.runs.some((run, i) => peer.match(run.epoch) > (matches[i] ?? 0))
    if (peer === before && !hasTaken && this.#hasWork())
      throw new SserError('peer-failed', 'answers, but takes nothing')
    return true
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return
    const { errors, counters } = this.#options
    const kind = this.#retryState.fail(error, this.target, this.#options.isAlone())
    this.#state = 'failing'
    this.acks.reset()
    this.acks.settleAll(this.#retryState.result(this.target))
    if (kind !== 'expected')
      errors.report(error, { stage: 'append', peer: this.target.host }, { isBrief: kind === 'brief' })
    this.#retryState.scheduleRetry(() => {
      counters.retries += 1
      void this.#work()
    })
  }

  /** Seq up to which the peer needs no further request for this Pod's own events. */
  #ackedSeq(): number {
    return this.#peer === undefined
      ? this.#options.legacy.ackedSeq
      : this.#peer.match(this.#options.log.epoch)
  }

  #settleAcks(): void {
    if (this.#state === 'connected' || this.#state === 'v1') this.acks.ackUpTo(this.#ackedSeq(), DELIVERED)
  }
}
