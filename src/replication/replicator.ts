import { SserError } from '../errors.ts'
import type { NumberedEntry } from '../log/entry.ts'
import type { Epoch } from '../log/epochs.ts'
import type { Log } from '../log/log.ts'
import type { Timing } from '../log/timing.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { EXCHANGE_TARGET_BYTES } from '../wire/exchange-message.ts'
import { MAX_EPOCHS } from '../wire/position.ts'
import { APPEND_TARGET_BYTES, type Append, type Run, type WireEvent } from '../wire/v2.ts'
import type { PeerProgress } from './peer-progress.ts'

/** Approximate bytes of JSON around an event. */
const EVENT_OVERHEAD_BYTES = 80

/** A run as its JSON text. */
export interface EncodedRun {
  readonly run: Run
  /** Seq of its last entry. */
  readonly last: number
  readonly text: string
}

/**
 * Builds and applies the messages of anti-entropy between this Pod's log and a peer's. A request and its response have
 * one format. Only durations cross the wire, because the clocks of two Pods cannot be compared.
 */
export class Replicator {
  readonly #log: Log
  readonly #timing: Timing
  readonly #errors: ErrorReporter
  readonly #counters: Counters
  /** Runs of this Pod's own entries for exchanges, by the seq that they follow; of one moment and one end of the log. */
  #encoded = { ownSeq: 0, at: Number.NEGATIVE_INFINITY, runs: new Map<number, EncodedRun>() }

  constructor(options: { log: Log; timing: Timing; errors: ErrorReporter; counters: Counters }) {
    this.#log = options.log
    this.#timing = options.timing
    this.#errors = options.errors
    this.#counters = options.counters
  }

  /** Builds a message with this Pod's position and no events, for a peer at an unknown position. */
  handshake(now: number): Append {
    this.#log.trim(now)
    return { epoch: this.#log.epoch, position: this.#log.position(now), runs: [] }
  }

  /**
   * Builds a message with the entries that `peer` lacks: this Pod's own if `own`; entries of third Pods after the
   * grace, or at once if `third`.
   */
  buildAppend(peer: PeerProgress, { own, third }: { own: boolean; third: boolean }, now: number): Append {
    const message = this.handshake(now)
    const runs: Run[] = []
    const budget = { bytes: APPEND_TARGET_BYTES }
    for (const [epoch, record] of this.#ownFirst(now)) {
      const match = peer.match(epoch)
      if (epoch === peer.epoch || match >= record.have) continue
      if (epoch === this.#log.epoch ? !own : !(third || this.#isDue(peer, epoch, record, match, now)))
        continue
      runs.push(this.#run(epoch, record, match, now, budget, runs.length > 0))
      if (budget.bytes <= 0) break
    }
    return { ...message, runs }
  }

  /**
   * This Pod's own entries after `match` for one message of an exchange. Peers that are at the same point at the same time
   * are sent one text.
   */
  ownRun(match: number, now: number): EncodedRun {
    const log = this.#log
    // Ages are rounded to a millisecond in any case.
    if (this.#encoded.ownSeq !== log.ownSeq || now - this.#encoded.at >= 1)
      this.#encoded = { ownSeq: log.ownSeq, at: now, runs: new Map() }
    const { runs } = this.#encoded
    let encoded = runs.get(match)
    if (encoded === undefined) {
      const record = log.epochs.get(log.epoch) as Epoch
      const run = this.#run(log.epoch, record, match, now, { bytes: EXCHANGE_TARGET_BYTES }, false)
      encoded = encodeRun(run)
      runs.set(match, encoded)
    }
    return encoded
  }

  /**
   * Entries of one third Pod after the seqs of `sent` for one message of an exchange: after the grace, or at once if `all`.
   * Undefined where there are none.
   */
  thirdRun(
    peer: PeerProgress,
    sent: ReadonlyMap<string, number>,
    all: boolean,
    now: number,
  ): EncodedRun | undefined {
    for (const [epoch, record] of this.#log.epochs.active(now)) {
      const match = Math.max(peer.match(epoch), sent.get(epoch) ?? 0)
      if (epoch === peer.epoch || epoch === this.#log.epoch || match >= record.have) continue
      if (!(all || this.#isDue(peer, epoch, record, match, now))) continue
      return encodeRun(this.#run(epoch, record, match, now, { bytes: EXCHANGE_TARGET_BYTES }, false))
    }
    return undefined
  }

  /** Applies a message, and returns the progress of the peer that sent it. */
  receive(message: Append, progressOf: (epoch: string) => PeerProgress, now: number): PeerProgress {
    this.applyRuns(message.runs, now)
    const peer = progressOf(message.epoch)
    peer.observe(message.position, this.#log.position(now), now)
    return peer
  }

  /** Appends the events that continue the epochs in this Pod's log, and ignores all others. */
  applyRuns(runs: readonly Run[], now: number): void {
    let ignored = 0
    for (const run of runs) {
      if (run.epoch === this.#log.epoch || run.idle >= this.#timing.forgetMs) continue
      const known = this.#log.epochs.get(run.epoch)
      const have = known?.have ?? 0
      const last = run.prev + run.events.length
      if (run.prev > have && run.floor !== true) continue
      if (last <= have && known === undefined) continue
      if (known === undefined && this.#log.epochs.isFull) {
        ignored += 1
        continue
      }
      const record = known ?? this.#log.epochs.ensure(run.epoch, now - run.idle)
      if (last > have) record.lastActive = Math.max(record.lastActive, now - run.idle)
      if (run.prev > have) this.#log.skipTo(run.epoch, run.prev, now)
      for (const event of run.events) {
        if (event.seq > record.have) {
          this.#log.append(run.epoch, event, now - event.age, now)
          if (event.stream !== undefined) this.#counters.received += 1
        } else if (this.#contradicts(record, event)) {
          const message = `Received event ${event.seq} of epoch ${run.epoch} with a content that differs from the first one; ignored it`
          this.#errors.report(new SserError('conflicting-event', message), { stage: 'receive' })
          break
        }
      }
    }
    if (ignored === 0) return
    const message = `Ignored the events of ${ignored} unknown epochs, because this Pod already knows the maximum of ${MAX_EPOCHS}`
    this.#errors.report(new SserError('invalid-peer-message', message), { stage: 'receive' })
  }

  /** Puts this Pod's own epoch first, because no other Pod sends its events as soon. */
  #ownFirst(now: number): [string, Epoch][] {
    const epochs = [...this.#log.epochs.active(now)]
    return epochs.sort(([a], [b]) => Number(b === this.#log.epoch) - Number(a === this.#log.epoch))
  }

  /**
   * Entries of an epoch that follow `match`, as far as the budget has bytes. The first one always fits, unless other runs
   * precede it: the receiver's limit has room for the largest one, however JSON escapes it.
   */
  #run(
    epoch: string,
    record: Epoch,
    match: number,
    now: number,
    budget: { bytes: number },
    isLater: boolean,
  ): Run {
    const { entries, have, lastActive } = record
    const start = this.#firstAfter(record, match, now)
    const prev = start < entries.length ? (entries.at(start) as NumberedEntry).seq - 1 : have
    const events: WireEvent[] = []
    for (let i = start; i < entries.length; i += 1) {
      const entry = entries.at(i) as NumberedEntry
      budget.bytes -= EVENT_OVERHEAD_BYTES + (entry.kind === 'event' ? entry.bytes : 0)
      if (budget.bytes < 0 && (events.length > 0 || isLater)) break
      events.push(wireEvent(entry, now))
    }
    const floor = prev > match ? true : undefined
    return { epoch, prev, floor, idle: Math.max(0, Math.round(now - lastActive)), events }
  }

  /** Returns whether a third Pod's entries after `match` are to be sent: after the grace, or if some are gone. */
  #isDue(peer: PeerProgress, epoch: string, record: Epoch, match: number, now: number): boolean {
    return this.#isOverdue(peer, epoch, now) || this.#isTrimmed(record, match, now)
  }

  #isTrimmed(record: Epoch, match: number, now: number): boolean {
    const first = record.entries.at(this.#firstAfter(record, match, now))
    return (first === undefined ? record.have : first.seq - 1) > match
  }

  /** Index of the first entry of an epoch that may be sent to a peer that holds everything up to `match`. */
  #firstAfter(record: Epoch, match: number, now: number): number {
    const oldest = now - this.#log.maxAgeMs
    const above = Math.max(match, record.floor, record.payloadEvicted)
    return record.entries.lowerBound((entry) => entry.seq > above && entry.sentAt >= oldest)
  }

  #contradicts(record: Epoch, event: WireEvent): boolean {
    const held = record.entries.at(record.entries.lowerBound((entry) => entry.seq >= event.seq))
    if (held === undefined || held.seq !== event.seq || held.kind === 'hole') return false
    if (held.kind === 'no-op') return event.stream !== undefined
    // A Pod of a version without disconnects passes one on as a no-op entry.
    if (held.kind === 'disconnect') return event.stream !== undefined
    if (held.stream !== event.stream || held.event !== event.event) return true
    return held.msg !== undefined && held.msg !== event.msg
  }

  #isOverdue(peer: PeerProgress, epoch: string, now: number): boolean {
    const since = peer.behindSince(epoch)
    return since !== undefined && now - since > this.#timing.graceMs
  }
}

function encodeRun(run: Run): EncodedRun {
  return { run, last: run.prev + run.events.length, text: JSON.stringify(run) }
}

function wireEvent(entry: NumberedEntry, now: number): WireEvent {
  const age = Math.max(0, Math.round(now - entry.sentAt))
  if (entry.kind === 'disconnect') return { seq: entry.seq, age, disconnect: entry.selector }
  if (entry.kind !== 'event') return { seq: entry.seq, age }
  const { seq, stream, msg, event, key, traceparent } = entry
  return { seq, age, stream, msg, event, key, traceparent }
}
