import type { Target } from '../discovery/peer.ts'
import { SserError } from '../errors.ts'
import { PeerStatusError } from '../transport/peer-status-error.ts'
import type { Position } from '../wire/position.ts'
import { encodeV1, PEER_ENDPOINT_URL_PATH } from '../wire/v1.ts'
import type { LinkOptions } from './link-options.ts'
import { Missed } from './missed.ts'
import { LEAVING, Outage } from './outage.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { LinkState, PeerStatus } from './peer-status.ts'
import type { Outcome } from './receipt.ts'
import { Waiters } from './waiters.ts'

/** After a failure a link waits a random part of this, doubled with each further failure. */
const BACKOFF_MS = 200
const BACKOFF_MAX_MS = 5_000
/** How often a Go Pod is asked whether it speaks v2 by now. */
const PROBE_MS = 60_000

const LET_GO: Outcome = { status: 'failed', reason: 'the log let go of it' }
const NO_DISCONNECT: Outcome = { status: 'failed', reason: 'a Go Pod cannot disconnect' }

/**
 * The way to one peer: a cursor over this Pod's own events, with one request in flight, so that whatever is sent
 * meanwhile travels together in the next. It never gives up; it only waits longer.
 */
export class Link {
  #target: Target
  readonly #options: LinkOptions
  readonly #abort = new AbortController()
  readonly #waiters = new Waiters()
  readonly #missed = new Missed()
  #state: LinkState = 'connecting'
  #peer: PeerProgress | undefined
  readonly #outage: Outage
  #busy = false
  /** Set once a `send()` has waited in vain, until the next answer: no further `send()` waits for this peer. */
  #overdue: Outcome
  #flushing: Position | undefined
  #cancelRetry: (() => void) | undefined
  /** Towards a Go Pod: the last of this Pod's events that was posted, well or badly. */
  #v1Seq: number
  #v1Until = Number.NEGATIVE_INFINITY

  constructor(options: LinkOptions) {
    this.#target = options.target
    this.#options = options
    this.#outage = new Outage(options.clock)
    this.#v1Seq = options.log.ownSeq
    // A Go Pod was not there for these; what any other has, it says itself.
    this.#miss(0, this.#v1Seq)
  }

  get target(): Target {
    return this.#target
  }

  /** What the finder now says of the same Pod. One that has become ready is called at once. */
  update(target: Target): void {
    const isReadyNow = this.#target.ready === false && target.ready !== false
    this.#target = target
    if (!isReadyNow || this.#cancelRetry === undefined) return
    this.#cancelRetry()
    this.#cancelRetry = undefined
    this.poke()
  }

  status(): PeerStatus {
    const lag = this.#state === 'self' ? 0 : this.#options.log.ownSeq - this.#settledSeq()
    return {
      peer: this.target.host,
      state: this.#state,
      epoch: this.#peer?.epoch,
      lag,
      lagMs: lag <= 0 ? 0 : this.#options.log.ownAge(this.#settledSeq(), this.#options.clock.now()),
      failures: this.#outage.failures,
      lastError: this.#outage.lastError,
    }
  }

  /** Whether the peer and this Pod refused each other, and no request has worked since. */
  get isRefused(): boolean {
    return this.#outage.isRefused
  }

  /** Whether the link leads to the Pod with this progress. */
  leadsTo(peer: PeerProgress): boolean {
    return this.#peer === peer
  }

  /** There may be something to send, or the peer was heard otherwise. */
  poke(): void {
    this.#settleWaiters()
    if (this.#busy || this.#cancelRetry !== undefined || !this.#hasWork()) return
    void this.#work()
  }

  /** The peer is to have all of `position`, third Pods' events too, at once: this Pod leaves before the grace ends. */
  flush(position: Position): void {
    this.#flushing = position
    this.poke()
  }

  /** Whether the peer holds what it is to have, or was given what a Go Pod can be; undefined: out of reach. */
  isFlushed(): boolean | undefined {
    const { log } = this.#options
    const position = this.#flushing ?? new Map<string, number>()
    if (this.#state === 'v1') return this.#settledSeq() >= (position.get(log.epoch) ?? 0)
    if (this.#peer === undefined || this.#state !== 'connected') return undefined
    for (const [epoch, seq] of position) {
      if (epoch !== this.#peer.epoch && this.#peer.match(epoch) < seq) return false
    }
    return true
  }

  /** Calls back, at once or later, with how the event `seq` of `epoch` ended at the peer. */
  whenSettled(epoch: string, seq: number, settle: (outcome: Outcome) => void): void {
    if (this.#state === 'self') settle(undefined)
    // A third Pod's event: nobody will say more of it than is known.
    else if (epoch !== this.#options.log.epoch) {
      const isHeld = this.#peer?.epoch === epoch || (this.#peer?.match(epoch) ?? 0) >= seq
      settle(isHeld ? { status: 'delivered' } : { status: 'pending', reason: 'sent by another Pod' })
    }
    // Sent before, under the same key: nothing will be sent now that could bring news of it.
    else if (this.#outage.isMet && this.#settledSeq() >= seq)
      settle(this.#missed.has(seq) ? LET_GO : { status: 'delivered' })
    else if (this.#state === 'failing') settle(this.#outage.outcome(this.target))
    else if (this.#overdue !== undefined) settle(this.#overdue)
    else this.#waiters.add(seq, settle)
  }

  /** Settles every wait as pending, and each further one at once until the peer answers: a hung peer costs one timeout. */
  giveUpWaiting(timeoutMs: number): void {
    this.#overdue = { status: 'pending', reason: `no answer within ${timeoutMs} ms` }
    this.#waiters.settleAll(this.#overdue)
  }

  /** A Pod that was not known spoke: it may be the one that had no v2 so far. */
  probe(): void {
    this.#v1Until = Number.NEGATIVE_INFINITY
  }

  stop(reason: string): void {
    this.#abort.abort(new SserError('stopped', reason))
    this.#cancelRetry?.()
    this.#waiters.settleAll(this.target.terminating ? LEAVING : { status: 'failed', reason })
  }

  #hasWork(): boolean {
    if (this.#abort.signal.aborted || this.#state === 'self') return false
    if (this.#peer === undefined && this.#state !== 'v1') return true
    if (this.#flushing !== undefined && this.isFlushed() === false) return true
    return this.#settledSeq() < this.#options.log.ownSeq
  }

  async #work(): Promise<void> {
    this.#busy = true
    try {
      // One turn later, so that all that is sent in this one travels together.
      await undefined
      do await this.#step()
      while (this.#hasWork())
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#busy = false
    }
  }

  async #step(): Promise<void> {
    const { clock } = this.#options
    if (clock.now() < this.#v1Until) return this.#sendV1()
    const isV2 = await this.#append()
    if (this.#outage.failures > 0) this.#options.errors.recovered(this.target.host)
    this.#outage.end()
    if (isV2) return
    this.#state = 'v1'
    this.#v1Seq = Math.max(this.#v1Seq, this.#settledSeq())
    this.#peer = undefined
    this.#v1Until = clock.now() + PROBE_MS
  }

  /** One v2 exchange; false if the peer does not know v2. */
  async #append(): Promise<boolean> {
    const { client, clock, replicator, log, progressOf } = this.#options
    const before = this.#peer
    const message =
      before === undefined
        ? replicator.handshake(clock.now())
        : replicator.buildAppend(before, { own: true, third: this.#flushing !== undefined }, clock.now())
    // The peer will jump over these; it must not look as if it had taken them.
    const trimmed = message.runs.find((run) => run.epoch === log.epoch && run.floor === true)
    if (trimmed !== undefined) {
      this.#miss(before?.match(log.epoch) ?? 0, trimmed.prev)
      this.#waiters.settleUpTo(trimmed.prev, LET_GO)
    }
    const had = message.runs.map((run) => before?.match(run.epoch) ?? 0)
    const answer = await client.append(this.target, message, this.#abort)
    this.#overdue = undefined
    if (this.#options.wasPaused()) throw new SserError('stopped', 'this Pod stood still')
    if (answer === undefined) return false
    const now = clock.now()
    if (answer.epoch === log.epoch) {
      this.#state = 'self'
      this.#waiters.settleAll(undefined)
      return true
    }
    replicator.applyRuns(answer.runs, now)
    const peer = progressOf(answer.epoch)
    peer.observe(answer.position, log.position(now), now)
    peer.lastSuccessAt = now
    if (peer !== before) this.#missed.clear()
    this.#peer = peer
    this.#state = 'connected'
    this.#settleWaiters()
    const hasTaken =
      message.runs.length === 0 || message.runs.some((run, i) => peer.match(run.epoch) > (had[i] ?? 0))
    if (peer === before && !hasTaken && this.#hasWork()) {
      throw new SserError('peer-failed', 'answers, but takes nothing')
    }
    return true
  }

  /** Posts the next event as v1: at most once, and only to a peer that has just answered. */
  async #sendV1(): Promise<void> {
    const { client, clock, log } = this.#options
    log.trim(clock.now())
    const record = log.epochs.get(log.epoch)
    const entry = record?.entries.at(record.entries.lowerBound((candidate) => candidate.seq > this.#v1Seq))
    if (entry?.kind === 'disconnect') this.#waiters.settleUpTo(entry.seq, NO_DISCONNECT)
    if (entry?.kind !== 'event' || entry.msg === undefined) return this.#skipV1(entry?.seq ?? log.ownSeq)
    this.#skipV1(entry.seq - 1)
    try {
      const body = encodeV1({ stream: entry.stream, msg: entry.msg })
      // A Go Pod's response says nothing but whether it took the event.
      const content = { path: PEER_ENDPOINT_URL_PATH, body, maxBytes: 0 }
      const { status } = await client.post(this.target, content, this.#abort)
      this.#overdue = undefined
      if (status < 200 || status > 299) throw new PeerStatusError(status)
    } catch (error) {
      this.#miss(entry.seq - 1, entry.seq)
      // It may have been taken all the same. Before anything more is risked, the peer is asked whether it incarnations.
      this.#v1Until = Number.NEGATIVE_INFINITY
      throw error
    } finally {
      // Well or badly: it is not posted again.
      this.#v1Seq = entry.seq
    }
    this.#settleWaiters()
  }

  /** A Go Pod will not get what is up to `seq`: signs of incarnation, which nobody waits for, and what the log let go of. */
  #skipV1(seq: number): void {
    this.#miss(this.#v1Seq, seq)
    this.#v1Seq = seq
    this.#waiters.settleUpTo(seq, LET_GO)
  }

  #miss(after: number, to: number): void {
    const { log } = this.#options
    this.#missed.add(after, to, log.epochs.get(log.epoch)?.floor ?? 0)
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return
    const { clock, errors, counters } = this.#options
    const kind = this.#outage.fail(error, this.target)
    this.#state = 'failing'
    this.#overdue = undefined
    this.#waiters.settleAll(this.#outage.outcome(this.target))
    if (kind !== 'expected') {
      errors.report(error, { stage: 'append', peer: this.target.host }, { isBrief: kind === 'brief' })
    }
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** (this.#outage.failures - 1))
    this.#cancelRetry = clock.after(ceiling * (0.5 + clock.random() / 2), () => {
      this.#cancelRetry = undefined
      counters.retries += 1
      void this.#work()
    })
  }

  /** Up to here the peer is done with this Pod's events. */
  #settledSeq(): number {
    return this.#peer === undefined ? this.#v1Seq : this.#peer.match(this.#options.log.epoch)
  }

  #settleWaiters(): void {
    if (this.#state === 'connected' || this.#state === 'v1')
      this.#waiters.settleUpTo(this.#settledSeq(), { status: 'delivered' })
  }
}
