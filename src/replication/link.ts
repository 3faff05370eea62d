import { SserError } from '../errors.ts'
import { PeerTimeoutError, type Target } from '../transport/peer-transport.ts'
import type { Position } from '../wire/position.ts'
import { ExchangeOpener, type ExchangeOpenerOptions, type OpenerOwner } from './exchange-opener.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { LinkState, PeerStatus } from './peer-status.ts'
import { DELIVERED, type PendingAcks } from './pending-acks.ts'
import type { AckResult } from './receipt.ts'
import { LEAVING, type RetryState } from './retry-state.ts'
import { type RequestOwner, SingleRequests, type SingleRequestsOptions } from './single-requests.ts'

export interface LinkOptions extends SingleRequestsOptions, ExchangeOpenerOptions {
  target: Target
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
  state: LinkState = 'connecting'
  /** The Pod that it leads to. */
  peer: PeerProgress | undefined
  readonly acks: PendingAcks
  readonly retryState: RetryState
  readonly #options: LinkOptions
  readonly #requests: SingleRequests
  readonly #exchanges: ExchangeOpener
  readonly #abort = new AbortController()
  #flushing: Position | undefined

  constructor(options: LinkOptions) {
    this.target = options.target
    this.#options = options
    this.acks = options.acks
    this.#requests = this.#makeRequests()
    this.retryState = this.#requests.retryState
    this.#exchanges = this.#makeExchanges()
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
      exchange: this.#exchanges.isOpen,
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
    return !this.#requests.isBusy || this.retryState.isHung || this.acks.isExpired
  }

  /** Sends a request at once, where no exchange is open, to find out which Pod is at the address. */
  check(): void {
    if (this.#requests.isBusyOrWaiting || this.#exchanges.isOpen) return
    if (!this.#abort.signal.aborted && this.state === 'connected') void this.#requests.start()
  }

  /** Checks for work, after this Pod appended an event or the peer sent a message. */
  poke(): void {
    this.#settleAcks()
    if (this.#requests.isBusyOrWaiting || !this.#hasWork()) return
    if (this.#exchanges.isOpen) this.#exchanges.current?.push()
    else void this.#requests.start()
  }

  /** Sends this Pod's position, where an exchange is open, and checks for work. */
  beat(): void {
    if (this.#exchanges.isOpen) this.#exchanges.current?.beat()
    this.poke()
  }

  /**
   * Sends the peer all of `position`, the events of third Pods too, without the grace and without the rest of a backoff, because
   * this Pod leaves.
   */
  flush(position: Position): void {
    this.#flushing = position
    this.retryState.cancelRetry()
    if (this.#exchanges.isOpen) this.#exchanges.current?.flush()
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
    this.#exchanges.reset()
    // Its process may have been restarted.
    if (this.retryState.expedite()) void this.#requests.start()
  }

  stop(reason: string): void {
    this.#abort.abort(new SserError('stopped', reason))
    this.retryState.cancelRetry()
    this.#exchanges.current?.close()
    this.acks.settleAll(this.target.terminating ? LEAVING : { status: 'failed', reason })
  }

  #makeRequests(): SingleRequests {
    const owner: RequestOwner = {
      target: () => this.target,
      peer: () => this.peer,
      isSelf: () => this.state === 'self',
      isFlushing: () => this.#flushing !== undefined,
      hasWork: () => this.#hasWork(),
      isExchanging: () => this.#exchanges.isOpen,
      onResponse: (peer) => this.#adopt(peer),
      onSelf: () => {
        this.#become('self', this.peer)
        this.acks.settleAll(undefined)
      },
      onTaken: () => {
        if (this.#flushing === undefined && this.state !== 'self') this.#exchanges.open(this.target)
      },
      onLegacyPeer: () => {
        this.#options.legacy.begin(this.#ackedSeq())
        this.#become('v1', undefined)
      },
      onLegacyAck: () => this.#settleAcks(),
      onFailure: () => {
        this.#become('failing', this.peer)
        this.acks.reset()
        this.acks.settleAll(this.retryState.result(this.target))
      },
      onIdle: () => this.#exchanges.current?.push(),
    }
    return new SingleRequests(this.#options, owner, this.#abort.signal)
  }

  #makeExchanges(): ExchangeOpener {
    const owner: OpenerOwner = {
      maySend: () => !this.#requests.isBusy,
      onOpen: (peer) => {
        this.retryState.cancelRetry()
        this.#requests.succeed()
        this.#adopt(peer)
      },
      onPosition: () => this.#settleAcks(),
      onAck: (peer, now) => {
        peer.lastSuccessAt = now
        this.acks.reset()
        this.#settleAcks()
      },
      onOwnRange: (after, run) => this.acks.onOwnRange(after, run),
      onEnd: (error, hasSucceeded) => {
        if (this.#requests.isBusy || this.#abort.signal.aborted) return
        // A peer that is silent now would not answer a request either.
        if (hasSucceeded && error instanceof PeerTimeoutError) this.#requests.fail(error)
        else this.poke()
      },
    }
    return new ExchangeOpener(this.#options, owner, this.#abort.signal)
  }

  #hasWork(): boolean {
    if (this.#abort.signal.aborted || this.state === 'self') return false
    if (this.peer === undefined && this.state !== 'v1') return true
    if (this.#flushing !== undefined && this.isFlushed() === false) return true
    return this.#ackedSeq() < this.#options.log.ownSeq
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

  /** Seq up to which the peer needs no further request for this Pod's own events. */
  #ackedSeq(): number {
    return this.peer === undefined ? this.#options.legacy.ackedSeq : this.peer.match(this.#options.log.epoch)
  }

  #settleAcks(): void {
    if (this.state === 'connected' || this.state === 'v1') this.acks.onPosition(this.#ackedSeq())
  }
}
