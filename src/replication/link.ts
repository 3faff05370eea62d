import type { Target } from '../discovery/peer-finder.ts'
import { SserError } from '../errors.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { quietly } from '../telemetry/tracing.ts'
import { PeerTimeoutError } from '../transport/peer-transport.ts'
import type { Position } from '../wire/position.ts'
import type { LegacyProtocol } from './legacy-protocol.ts'
import { type ExchangeContext, LinkExchange } from './link-exchange.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { LinkState, PeerStatus } from './peer-status.ts'
import { DELIVERED, type PendingAcks } from './pending-acks.ts'
import type { AckResult } from './receipt.ts'
import { ExchangeSchedule, LEAVING, RetryState } from './retry-state.ts'
import { SingleRequests, type SingleRequestsOptions } from './single-requests.ts'

export interface LinkOptions extends SingleRequestsOptions {
  target: Target
  errors: ErrorReporter
  counters: Counters
  legacy: LegacyProtocol
  exchangeContext: ExchangeContext
  /** Returns whether no peer has ever sent this Pod a message. */
  isAlone(): boolean
  /** The state of the link has changed, or the Pod that it leads to. */
  onChange(): void
}

/**
 * The way to one peer: a cursor over this Pod's own events. It begins with single requests, one in flight, so that events
 * sent meanwhile travel together in the next one, and goes over to an exchange as soon as one is open. When the exchange
 * ends, single requests carry on. A link never gives up; it waits longer.
 */
export class Link {
  /** The latest news of the finder. */
  target: Target
  readonly #options: LinkOptions
  readonly acks: PendingAcks
  readonly #requests: SingleRequests
  readonly retryState: RetryState
  readonly #abort = new AbortController()
  state: LinkState = 'connecting'
  /** The Pod that it leads to. */
  peer: PeerProgress | undefined
  /** True while a single request is in flight. */
  #isBusy = false
  /** Opening or open. */
  #exchange: LinkExchange | undefined
  readonly #schedule: ExchangeSchedule
  #flushing: Position | undefined

  constructor(options: LinkOptions) {
    this.target = options.target
    this.#options = options
    this.acks = options.acks
    this.#requests = new SingleRequests(options)
    this.retryState = new RetryState(options.clock)
    this.#schedule = new ExchangeSchedule(options.clock)
  }

  /** Adopts later news of the finder about the same Pod. A peer that has become ready is sent a request at once. */
  update(target: Target): void {
    const isReadyNow = this.target.ready === false && target.ready !== false
    this.target = target
    if (isReadyNow && this.retryState.cancelRetry()) this.poke()
  }

  status(): PeerStatus {
    const { clock, log } = this.#options
    const lag = this.state === 'self' ? 0 : log.ownSeq - this.#ackedSeq()
    return {
      peer: this.target.host,
      state: this.state,
      exchange: this.#exchange?.isOpen === true,
      epoch: this.peer?.epoch,
      lag,
      lagMs: lag <= 0 ? 0 : log.ownAge(this.#ackedSeq(), clock.now()),
      failures: this.retryState.failures,
      lastError: this.retryState.lastError,
    }
  }

  /** True if a stopping Pod need not wait for the peer: it has never responded, and no response is to be expected. */
  get isUnmet(): boolean {
    if (this.retryState.hasResponded) return false
    return !this.#isBusy || this.retryState.isHung || this.acks.isExpired
  }

  check(): void {
    if (this.#isBusy || this.retryState.isWaiting || this.#exchange?.isOpen) return
    if (!this.#abort.signal.aborted && this.state === 'connected') void this.#work()
  }

  /** Checks for work, after this Pod appended an event or the peer sent a message. */
  poke(): void {
    this.#settleAcks()
    if (this.#isBusy || this.retryState.isWaiting || !this.#hasWork()) return
    if (this.#exchange?.isOpen) this.#exchange.push()
    else void this.#work()
  }

  /** Sends this Pod's position, where an exchange is open, and checks for work. */
  beat(): void {
    if (this.#exchange?.isOpen) this.#exchange.beat()
    this.poke()
  }

  /**
   * Sends the peer all of `position`, the events of third Pods too, without the grace and without the rest of a backoff, because
   * this Pod leaves.
   */
  flush(position: Position): void {
    this.#flushing = position
    this.retryState.cancelRetry()
    if (this.#exchange?.isOpen) this.#exchange.flush()
    this.poke()
  }

  /**
   * Returns whether the peer holds all that `flush()` asked for, or a Go Pod was sent its part; undefined: it is
   * unavailable.
   */
  isFlushed(): boolean | undefined {
    const { log } = this.#options
    const position = this.#flushing ?? new Map<string, number>()
    if (this.state === 'v1') return this.#ackedSeq() >= (position.get(log.epoch) ?? 0)
    return this.state === 'connected' ? this.peer?.covers(position) : undefined
  }

  /** Calls `settle`, at once or later, with the result of the event `seq` of `epoch` at the peer. */
  onAck(epoch: string, seq: number, settle: (result: AckResult) => void): void {
    if (this.state === 'self') settle(undefined)
    else if (epoch !== this.#options.log.epoch) {
      // A third Pod's event: no request of this Pod will bring news of it.
      const isHeld = this.peer?.epoch === epoch || (this.peer?.match(epoch) ?? 0) >= seq
      settle(isHeld ? DELIVERED : { status: 'pending', reason: 'sent by another Pod' })
    }
    // Duplicate send: no request will follow, so settle from what is already acknowledged.
    else if (this.retryState.hasResponded && this.#ackedSeq() >= seq) settle(this.acks.resultOf(seq))
    else if (this.state === 'failing') settle(this.retryState.result(this.target))
    else this.acks.onAck(seq, settle)
  }

  /** Tries v2 again, because an unknown Pod sent a request: it may be the one that did not know v2 so far. */
  probe(): void {
    this.#options.legacy.end()
    this.#schedule.reset()
    // Its process may have been restarted.
    if (this.retryState.expedite()) void this.#work()
  }

  stop(reason: string): void {
    this.#abort.abort(new SserError('stopped', reason))
    this.retryState.cancelRetry()
    this.#exchange?.close()
    this.acks.settleAll(this.target.terminating ? LEAVING : { status: 'failed', reason })
  }

  #hasWork(): boolean {
    if (this.#abort.signal.aborted || this.state === 'self') return false
    if (this.peer === undefined && this.state !== 'v1') return true
    if (this.#flushing !== undefined && this.isFlushed() === false) return true
    return this.#ackedSeq() < this.#options.log.ownSeq
  }

  async #work(): Promise<void> {
    this.#isBusy = true
    try {
      // Yield once, so that all events sent in this turn travel together.
      await undefined
      do await this.#step()
      while (!this.#exchange?.isOpen && this.#hasWork())
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isBusy = false
      this.#exchange?.push()
    }
  }

  async #step(): Promise<void> {
    const { legacy } = this.#options
    if (legacy.isActive) {
      await legacy.sendNext(this.target, this.#abort.signal)
      this.#settleAcks()
      return
    }
    const isV2 = await this.#append()
    this.#succeed()
    if (isV2) {
      this.#openExchange()
      return
    }
    legacy.begin(this.#ackedSeq())
    this.#become('v1', undefined)
  }

  /** Sends one v2 request and applies the response; false if the peer does not know v2. */
  async #append(): Promise<boolean> {
    const before = this.peer
    const third = this.#flushing !== undefined
    const result = await this.#requests.append(this.target, before, third, this.#abort.signal)
    if (result === 'unknown') return false
    if (result === 'self') {
      this.#become('self', this.peer)
      this.acks.settleAll(undefined)
      return true
    }
    this.#adopt(result.peer)
    if (result.peer === before && !result.hasTaken && this.#hasWork())
      throw new SserError('peer-failed', 'answers, but takes nothing')
    return true
  }

  /** Ends the failures. */
  #succeed(): void {
    const { failures, hasResponded } = this.retryState
    this.retryState.end()
    if ((failures > 0 || !hasResponded) && this.state !== 'self')
      this.#options.errors.recovered(this.target.host)
  }

  /** The peer has responded, and its epoch is that of `peer`. */
  #adopt(peer: PeerProgress): void {
    if (peer !== this.peer) this.acks.clearSkipped()
    this.#become('connected', peer)
    this.#settleAcks()
  }

  #become(state: LinkState, peer: PeerProgress | undefined): void {
    if (state === this.state && peer === this.peer) return
    this.state = state
    this.peer = peer
    this.#options.onChange()
  }

  /** Opens an exchange beside the single requests, if it is time. */
  #openExchange(): void {
    const { client, exchangeContext } = this.#options
    const isDue = client.hasExchanges && this.#schedule.isDue && this.#flushing === undefined
    if (!isDue || this.#exchange !== undefined || this.state === 'self' || this.#abort.signal.aborted) return
    let hasSucceeded = false
    const exchange = new LinkExchange(exchangeContext, {
      isOpener: true,
      maySend: () => !this.#isBusy,
      onOpen: (peer) => {
        this.retryState.cancelRetry()
        this.#succeed()
        this.#adopt(peer)
      },
      onPosition: () => this.#settleAcks(),
      onAck: (peer, now) => {
        hasSucceeded = true
        peer.lastSuccessAt = now
        this.acks.reset()
        this.#settleAcks()
      },
      onOwnRange: (after, run) => this.acks.onOwnRange(after, run),
      onSent: ({ run }) => {
        const span = client.startSpan(this.target.host, [run])
        return span && (() => quietly(() => span.end()))
      },
      onEnd: (error) => this.#endExchange(error, hasSucceeded),
    })
    this.#exchange = exchange
    client.openExchange(this.target, exchange, this.#abort.signal).then(
      (opened) => exchange.begin(opened),
      (error: unknown) => exchange.abort(error),
    )
  }

  /** Carries on with single requests. */
  #endExchange(error: unknown, hasSucceeded: boolean): void {
    this.#exchange = undefined
    this.#schedule.end(error, hasSucceeded)
    if (this.#isBusy || this.#abort.signal.aborted) return
    // A peer that is silent now would not answer a request either.
    if (hasSucceeded && error instanceof PeerTimeoutError) this.#fail(error)
    else this.poke()
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return
    const { errors, counters } = this.#options
    const kind = this.retryState.fail(error, this.target, this.#options.isAlone())
    this.#become('failing', this.peer)
    this.acks.reset()
    this.acks.settleAll(this.retryState.result(this.target))
    if (kind !== 'expected')
      errors.report(error, { stage: 'append', peer: this.target.host }, { isBrief: kind === 'brief' })
    this.retryState.scheduleRetry(() => {
      counters.retries += 1
      void this.#work()
    })
  }

  /** Seq up to which the peer needs no further request for this Pod's own events. */
  #ackedSeq(): number {
    return this.peer === undefined ? this.#options.legacy.ackedSeq : this.peer.match(this.#options.log.epoch)
  }

  #settleAcks(): void {
    if (this.state === 'connected' || this.state === 'v1') this.acks.onPosition(this.#ackedSeq())
  }
}
