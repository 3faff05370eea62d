import { Deque } from '../log/deque.ts'
import type { Log } from '../log/log.ts'
import { type EntryRange, endOf } from '../wire/append-message.ts'
import type { AckResult } from './receipt.ts'

export const DELIVERED: AckResult = { status: 'delivered' }
const EVICTED: AckResult = { status: 'failed', reason: 'the log evicted it' }

/** Calls of `send()` that wait until one peer acknowledges an event of this Pod, in the order of the events. */
export class PendingAcks {
  readonly #log: Log
  readonly #pending = new Deque<{ seq: number; settle: (result: AckResult) => void }>()
  readonly #skipped = new SkippedRanges()
  /** Result of each further call once one has waited in vain, until the peer responds again. */
  #expired: AckResult

  constructor(log: Log) {
    this.#log = log
  }

  /** True if a call has waited in vain since the peer last responded. */
  get isExpired(): boolean {
    return this.#expired !== undefined
  }

  /** Calls `settle` once the peer acknowledges `seq`; at once if an earlier call waited in vain. */
  onAck(seq: number, settle: (result: AckResult) => void): void {
    if (this.#expired !== undefined) settle(this.#expired)
    else this.#pending.push({ seq, settle })
  }

  /** Settles the calls that wait for an event up to `seq`. */
  ackUpTo(seq: number, result: AckResult): void {
    this.#settleUpTo(seq, () => result)
  }

  /** The peer acknowledges `seq`: settles the calls up to it. */
  onPosition(seq: number): void {
    this.#settleUpTo(seq, (acked) => this.resultOf(acked))
  }

  settleAll(result: AckResult): void {
    this.ackUpTo(Number.POSITIVE_INFINITY, result)
  }

  /** Settles all calls as pending, and each further one at once: so a hung peer costs `send()` one timeout. */
  expire(timeoutMs: number): void {
    this.#expired = { status: 'pending', reason: `no answer within ${timeoutMs} ms` }
    this.settleAll(this.#expired)
  }

  /** The peer responded, or a request to it failed: the result of the link's state holds for further calls. */
  reset(): void {
    this.#expired = undefined
  }

  /** Records that the peer will never be sent the events after `after` up to `to`. */
  skip(after: number, to: number): void {
    this.#skipped.add(after, to, this.#log.epochs.get(this.#log.epoch)?.floor ?? 0)
  }

  /** Skips events because the log evicted them before the peer was sent them, and settles their calls as failed. */
  evict(after: number, to: number): void {
    this.skip(after, to)
    this.ackUpTo(to, EVICTED)
  }

  /**
   * The peer is sent a run of this Pod's own events after `after`: skips those that it leaves out, because the log has
   * evicted them. The peer will skip them, too; they must not look as if it had taken them.
   */
  onOwnRange(after: number, run: EntryRange): void {
    if (run.floor === true) this.evict(after, run.prev)
    if (run.evicted !== undefined) this.#skipMissing(run)
  }

  #skipMissing(run: EntryRange): void {
    this.#skipped.removeAfter(run.prev)
    let last = run.prev
    for (const { seq } of run.events) {
      if (seq > last + 1) this.skip(last, seq - 1)
      last = seq
    }
    if (endOf(run) > last) this.skip(last, endOf(run))
  }

  #settleUpTo(seq: number, resultOf: (seq: number) => AckResult): void {
    const pending = this.#pending
    for (let next = pending.at(0); next !== undefined && next.seq <= seq; next = pending.at(0)) {
      pending.shift()
      next.settle(resultOf(next.seq))
    }
  }

  /** Forgets the skipped events, because another Pod has the peer's address. */
  clearSkipped(): void {
    this.#skipped.clear()
  }

  /** Result of an event that no further request will contain. */
  resultOf(seq: number): AckResult {
    return this.#skipped.has(seq) ? EVICTED : DELIVERED
  }
}

/** Events of this Pod that one peer will never be sent, as ranges of seqs. */
export class SkippedRanges {
  /** In order, without overlap. */
  readonly #ranges = new Deque<{ from: number; to: number }>()

  /** Adds the seqs after `after` up to `to`, and forgets ranges up to `floor`, which the log does not hold any more. */
  add(after: number, to: number, floor: number): void {
    for (let range = this.#ranges.at(0); range !== undefined && range.to <= floor; range = this.#ranges.at(0))
      this.#ranges.shift()
    const last = this.#ranges.at(this.#ranges.length - 1)
    if (last !== undefined && last.to >= after) last.to = Math.max(last.to, to)
    else if (to > after) this.#ranges.push({ from: after + 1, to })
  }

  /** Removes the seqs after `after`. */
  removeAfter(after: number): void {
    const last = this.#ranges.at(this.#ranges.length - 1)
    if (last === undefined || last.to <= after) return
    this.#ranges.filter(({ from }) => from <= after)
    const cut = this.#ranges.at(this.#ranges.length - 1)
    if (cut !== undefined) cut.to = Math.min(cut.to, after)
  }

  has(seq: number): boolean {
    const range = this.#ranges.at(this.#ranges.lowerBound(({ to }) => to >= seq))
    return range !== undefined && range.from <= seq
  }

  clear(): void {
    while (this.#ranges.length > 0) this.#ranges.shift()
  }
}
