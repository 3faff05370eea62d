import { ageMs } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { NumberedEntry } from '../log/entry.ts'
import type { Epoch } from '../log/epochs.ts'
import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import {
  APPEND_TARGET_BYTES,
  type Append,
  type EntryRange,
  type EvictedStream,
  endOf,
  type WireEvent,
} from '../wire/append-message.ts'
import { EXCHANGE_TARGET_BYTES } from '../wire/exchange-message.ts'
import { MAX_EPOCHS } from '../wire/position.ts'
import { isSameHeader } from '../wire/runs.ts'
import type { PeerProgress } from './peer-progress.ts'

/** Approximate bytes of JSON around an event. */
const EVENT_OVERHEAD_BYTES = 80
/** Maximum number of streams with evicted events in a run; a peer that lacks events of more skips to a floor instead. */
const MAX_EVICTED_STREAMS = 2_048

/** A run as its JSON text. */
export interface EncodedRange {
  readonly run: EntryRange
  /** Seq of its last entry. */
  readonly last: number
  readonly text: string
}

export interface ReplicatorOptions {
  log: Log
  errors: ErrorReporter
  counters: Counters
  /** Entries of an epoch will never come. */
  onHole?: ((epoch: string) => void) | undefined
}

/** Place of the first entry of a run, the seq before it, and the streams with evicted events if the run is sparse. */
interface RangeBegin {
  readonly start: number
  readonly prev: number
  readonly evicted: EvictedStream[] | undefined
}

/**
 * Builds and applies the messages of anti-entropy between this Pod's log and a peer's. A request and its response have
 * one format. Only durations cross the wire, because the clocks of two Pods cannot be compared.
 */
export class Replicator {
  readonly #log: Log
  readonly #errors: ErrorReporter
  readonly #counters: Counters
  readonly #onHole: ((epoch: string) => void) | undefined
  /** Runs of this Pod's own entries for exchanges, by the seq that they follow; of one moment and one end of the log. */
  #encoded = { ownSeq: 0, at: Number.NEGATIVE_INFINITY, runs: new Map<number, EncodedRange>() }

  constructor(options: ReplicatorOptions) {
    this.#onHole = options.onHole
    this.#log = options.log
    this.#errors = options.errors
    this.#counters = options.counters
  }

  /** Builds a message with this Pod's position and no events, for a peer at an unknown position. */
  handshake(now: number): Append {
    this.#log.trim(now)
    return {
      epoch: this.#log.epoch,
      position: this.#log.position(now),
      runs: [],
      sparse: true,
      runLogs: true,
    }
  }

  /**
   * Builds a message with the entries that `peer` lacks: this Pod's own if `own`; entries of third Pods after the
   * grace, or at once if `third`.
   */
  buildAppend(peer: PeerProgress, { own, third }: { own: boolean; third: boolean }, now: number): Append {
    const message = this.handshake(now)
    const runs: EntryRange[] = []
    const budget = { bytes: APPEND_TARGET_BYTES }
    for (const [epoch, record] of this.#ownFirst(now)) {
      const match = peer.match(epoch)
      if (epoch === peer.epoch || match >= record.have) continue
      const begin = this.#begin(record, match, peer.takesSparseRanges, now)
      if (epoch === this.#log.epoch ? !own : !(third || this.#isDue(peer, epoch, begin, match, now))) continue
      runs.push(this.#run(epoch, record, begin, match, now, budget, runs.length > 0))
      if (budget.bytes <= 0) break
    }
    return { ...message, runs }
  }

  /**
   * This Pod's own entries after `match` for one message of an exchange. Peers that are at the same point at the same time
   * are sent one text.
   */
  ownRange(match: number, now: number): EncodedRange {
    const log = this.#log
    // Ages are rounded to a millisecond in any case.
    if (this.#encoded.ownSeq !== log.ownSeq || now - this.#encoded.at >= 1)
      this.#encoded = { ownSeq: log.ownSeq, at: now, runs: new Map() }
    const { runs } = this.#encoded
    let encoded = runs.get(match)
    if (encoded === undefined) {
      const record = log.epochs.get(log.epoch) as Epoch
      const begin = this.#begin(record, match, true, now)
      const budget = { bytes: EXCHANGE_TARGET_BYTES }
      encoded = encodeRange(this.#run(log.epoch, record, begin, match, now, budget, false))
      runs.set(match, encoded)
    }
    return encoded
  }

  /**
   * Entries of one third Pod after the seqs of `sent` for one message of an exchange: after the grace, or at once if `all`.
   * Undefined where there are none.
   */
  thirdRange(
    peer: PeerProgress,
    sent: ReadonlyMap<string, number>,
    all: boolean,
    now: number,
  ): EncodedRange | undefined {
    for (const [epoch, record] of this.#log.epochs.active(now)) {
      const match = Math.max(peer.match(epoch), sent.get(epoch) ?? 0)
      if (epoch === peer.epoch || epoch === this.#log.epoch || match >= record.have) continue
      const begin = this.#begin(record, match, true, now)
      if (!(all || this.#isDue(peer, epoch, begin, match, now))) continue
      const budget = { bytes: EXCHANGE_TARGET_BYTES }
      return encodeRange(this.#run(epoch, record, begin, match, now, budget, false))
    }
    return undefined
  }

  /** Applies a message, and returns the progress of the peer that sent it. */
  receive(message: Append, progressOf: (epoch: string) => PeerProgress, now: number): PeerProgress {
    this.applyRanges(message.runs, now)
    const peer = progressOf(message.epoch)
    peer.observe(message.position, this.#log.position(now), now)
    if (message.sparse === true) peer.takesSparseRanges = true
    if (message.runLogs === true) peer.knowsRuns = true
    return peer
  }

  /** Appends the events that continue the epochs in this Pod's log, and ignores all others. */
  applyRanges(runs: readonly EntryRange[], now: number): void {
    let ignored = 0
    for (const run of runs) {
      if (run.epoch === this.#log.epoch || run.idle >= this.#log.timing.forgetMs) continue
      const known = this.#log.epochs.get(run.epoch)
      const have = known?.have ?? 0
      const last = endOf(run)
      if (run.prev > have && run.floor !== true) continue
      if (last <= have && known === undefined) continue
      if (known === undefined && this.#log.epochs.isFull) {
        ignored += 1
        continue
      }
      const record = known ?? this.#log.epochs.ensure(run.epoch, now - run.idle)
      if (last > have) record.lastActive = Math.max(record.lastActive, now - run.idle)
      if (last > have && (run.prev > have || run.evicted !== undefined)) this.#onHole?.(run.epoch)
      if (run.prev > have) this.#log.skipTo(run.epoch, run.prev, now)
      // Before any entry, because no id may move past an evicted event before the client has a gap.
      for (const { stream, seq, age } of run.evicted ?? [])
        this.#log.appendEvicted(run.epoch, stream, seq, now - age, now)
      for (const event of run.events) {
        if (event.seq > record.have) {
          this.#log.append(run.epoch, event, now - event.age, now, event.seq)
          if (event.stream !== undefined) this.#counters.received += 1
        } else if (this.#contradicts(record, event)) {
          const message = `Received event ${event.seq} of epoch ${run.epoch} with a content that differs from the first one; ignored it`
          this.#errors.report(new SserError('conflicting-event', message), { stage: 'receive' })
          break
        }
      }
      if (run.evicted !== undefined && last > record.have) this.#log.skipEvictedTo(run.epoch, last)
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
    { entries, have, lastActive }: Epoch,
    { start, prev, evicted }: RangeBegin,
    match: number,
    now: number,
    budget: { bytes: number },
    isLater: boolean,
  ): EntryRange {
    const events: WireEvent[] = []
    for (const { stream } of evicted ?? []) budget.bytes -= EVENT_OVERHEAD_BYTES + stream.length
    let isCut = false
    for (let i = start; i < entries.length; i += 1) {
      const entry = entries.at(i) as NumberedEntry
      if (entry.isEvicted) continue
      budget.bytes -= EVENT_OVERHEAD_BYTES + (entry.kind === 'event' ? entry.bytes : 0)
      isCut = budget.bytes < 0 && (events.length > 0 || isLater)
      if (isCut) break
      events.push(wireEvent(entry, now))
    }
    const floor = prev > match ? true : undefined
    const idle = ageMs(lastActive, now)
    if (evicted === undefined) return { epoch, prev, floor, idle, events }
    const to = isCut ? (events.at(-1)?.seq ?? prev) : Math.max(have, prev)
    return { epoch, prev, floor, idle, evicted, to, events }
  }

  /** Returns whether a third Pod's entries after `match` are to be sent: after the grace, or if some are gone. */
  #isDue(peer: PeerProgress, epoch: string, { prev }: RangeBegin, match: number, now: number): boolean {
    return prev > match || this.#isOverdue(peer, epoch, now)
  }

  /** Start of the run to a peer that holds everything of an epoch up to `match`. */
  #begin(record: Epoch, match: number, isSparse: boolean, now: number): RangeBegin {
    const { entries, floor, evictedSeq, have } = record
    const evicted = isSparse && evictedSeq > match ? this.#evictedStreams(record, match, now) : undefined
    const oldest = now - this.#log.maxAgeMs
    const above = Math.max(match, floor, evicted === undefined ? evictedSeq : 0)
    const start = entries.lowerBound((entry) => entry.seq > above && entry.sentAt >= oldest)
    // The entry before the first one is older than the age bound, or not above the floor.
    if (evicted !== undefined)
      return { start, prev: Math.max(above, entries.at(start - 1)?.seq ?? 0), evicted }
    return { start, prev: (entries.at(start)?.seq ?? have + 1) - 1, evicted }
  }

  /** Streams of which this log has evicted events after `match`; undefined: they are too many. */
  #evictedStreams({ streamFloors }: Epoch, match: number, now: number): EvictedStream[] | undefined {
    const evicted: EvictedStream[] = []
    for (const { stream, seq, sentAt } of streamFloors?.values() ?? []) {
      if (seq > match) evicted.push({ stream, seq, age: ageMs(sentAt, now) })
      if (evicted.length > MAX_EVICTED_STREAMS) return undefined
    }
    return evicted
  }

  #contradicts(record: Epoch, event: WireEvent): boolean {
    const held = record.entries.at(record.entries.lowerBound((entry) => entry.seq >= event.seq))
    if (held === undefined || held.seq !== event.seq || held.isEvicted || held.kind === 'hole') return false
    if (held.kind === 'no-op') return event.stream !== undefined
    // A Pod of a version without disconnects passes one on as a no-op entry.
    if (held.kind === 'disconnect') return event.stream !== undefined
    if (held.kind === 'run')
      return event.stream !== undefined || (event.run !== undefined && !isSameHeader(held.run, event.run))
    if (held.stream !== event.stream || held.event !== event.event) return true
    return held.msg !== event.msg
  }

  #isOverdue(peer: PeerProgress, epoch: string, now: number): boolean {
    const since = peer.behindSince(epoch)
    return since !== undefined && now - since > this.#log.timing.graceMs
  }
}

function encodeRange(run: EntryRange): EncodedRange {
  return { run, last: endOf(run), text: JSON.stringify(run) }
}

function wireEvent(entry: NumberedEntry, now: number): WireEvent {
  const age = ageMs(entry.sentAt, now)
  if (entry.kind === 'disconnect') return { seq: entry.seq, age, disconnect: entry.selector }
  if (entry.kind === 'run') return { seq: entry.seq, age, run: entry.run }
  if (entry.kind !== 'event') return { seq: entry.seq, age }
  const { seq, stream, msg, event, key, traceparent } = entry
  return { seq, age, stream, msg, event, key, traceparent }
}
