import { Checkpoints } from './checkpoints.ts'
import type {
  DisconnectEntry,
  EntryContent,
  EventEntry,
  EvictionNotice,
  HoleEntry,
  LogEntry,
  NoopEntry,
  RunEntry,
} from './entry.ts'
import { createEntry, createV1Event, isInternal, isLoss, isNumbered } from './entry.ts'
import { EntryQueue } from './entry-queue.ts'
import { type Epoch, Epochs } from './epochs.ts'
import { EventIds } from './event-ids.ts'
import { FairShares } from './fair-shares.ts'
import { Losses } from './losses.ts'
import { SecondaryIndexes } from './secondary-indexes.ts'
import { StreamFloors } from './stream-floors.ts'
import { type Timing, timing } from './timing.ts'

/** Maximum share of `maxBytes` for the floors of streams. */
const FLOORS_SHARE = 1 / 8
/** Maximum share of `maxBytes` for checkpoints, and for evicted entries that are still in queues. */
const CHECKPOINTS_SHARE = 1 / 16
const EVICTED_SHARE = 1 / 16

export interface LogOptions {
  epoch: string
  maxAgeMs: number
  maxBytes: number
  /** True if clients receive event ids, and can resume. */
  isResumable: boolean
  maxLastEventIdBytes?: number
}

/**
 * The recent entries of every epoch, in order of arrival at this Pod, bounded by age and bytes. Readers keep an index
 * into it and no queue of their own. When it is full, the stream that takes most loses its oldest event.
 */
export class Log {
  /** This Pod's own epoch; it can change until its first event. */
  epoch: string
  readonly epochs: Epochs
  readonly indexes: SecondaryIndexes = new SecondaryIndexes()
  readonly eventIds: EventIds
  readonly losses: Losses
  readonly floors: StreamFloors
  readonly isResumable: boolean
  readonly maxAgeMs: number
  readonly timing: Timing
  readonly #listeners: ((entry: LogEntry | EvictionNotice) => void)[] = []
  readonly #maxBytes: number
  readonly #entries: EntryQueue
  readonly #shares: FairShares
  readonly #checkpoints: Checkpoints
  #nextIndex = 0
  #evictedIndex = 0

  constructor({ epoch, maxAgeMs, maxBytes, isResumable, maxLastEventIdBytes }: LogOptions) {
    this.epoch = epoch
    this.timing = timing(maxAgeMs)
    this.epochs = new Epochs(this.timing)
    this.#entries = new EntryQueue(this.epochs)
    this.eventIds = new EventIds(this.epochs, maxLastEventIdBytes)
    this.losses = new Losses(this.timing)
    this.isResumable = isResumable
    this.maxAgeMs = maxAgeMs
    this.#maxBytes = maxBytes
    this.floors = new StreamFloors(maxBytes * FLOORS_SHARE)
    this.#shares = new FairShares(maxBytes, (entry) => this.indexes.queueOf(entry))
    this.#checkpoints = new Checkpoints(this.timing.checkpointIntervalMs, maxBytes * CHECKPOINTS_SHARE)
  }

  /** Calls `listener` after each append. */
  onAppend(listener: (entry: LogEntry | EvictionNotice) => void): void {
    this.#listeners.push(listener)
  }

  /** Index of the oldest entry. */
  get firstIndex(): number {
    return this.#entries.first?.index ?? this.#nextIndex
  }

  /** A reader before this index may have missed an event, because entries have left the log for their age. */
  get evictedIndex(): number {
    return this.#evictedIndex
  }

  /** Index of the next entry to be appended. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  get bytes(): number {
    const { evictedBytes } = this.#entries
    return this.#shares.bytes + evictedBytes + this.floors.bytes + this.#checkpoints.bytes
  }

  /** Last seq of this Pod's own epoch. */
  get ownSeq(): number {
    return this.epochs.get(this.epoch)?.have ?? 0
  }

  /** Number of entries. */
  get entries(): number {
    return this.#entries.length
  }

  /** Time at which the oldest entry was sent; undefined: there is none. */
  get oldestAt(): number | undefined {
    return this.#entries.first?.sentAt
  }

  /** Time of this Pod's last own entry, also of one that has left the log; undefined: there was none. */
  get lastOwnAt(): number | undefined {
    return this.epochs.get(this.epoch)?.lastActive
  }

  /** Time since which the log holds every event; undefined: it has no entry. */
  get completeAt(): number | undefined {
    const { oldestAt } = this
    return oldestAt === undefined ? undefined : Math.max(oldestAt, this.floors.lastSentAt)
  }

  /** Age of this Pod's first own entry after `seq`, in milliseconds; `maxAgeMs` where the log has none. */
  ownAge(seq: number, now: number): number {
    const entries = this.epochs.get(this.epoch)?.entries
    const entry = entries?.at(entries.lowerBound((candidate) => candidate.seq > seq))
    return entry === undefined ? this.maxAgeMs : now - entry.sentAt
  }

  /** Place of the first entry at or after `index`; evicted ones may follow. Valid until the next change of the log. */
  placeOf(index: number): number {
    return this.#entries.placeOf(index)
  }

  /** The entry at a place; undefined after the last entry. */
  at(place: number): LogEntry | undefined {
    return this.#entries.at(place)
  }

  /**
   * Appends an event, disconnect, header of a run or no-op entry of `epoch`, with the seq after the last one; `laterSeq`: a later one, because
   * a peer's log has evicted the entries in between.
   */
  append(
    epoch: string,
    content: EntryContent,
    sentAt: number,
    now: number,
    laterSeq?: number,
  ): EventEntry | NoopEntry | DisconnectEntry | RunEntry {
    const record = this.epochs.ensure(epoch, sentAt)
    const seq = laterSeq ?? record.have + 1
    if (seq > record.have + 1) record.evictedSeq = seq - 1
    record.have = seq
    record.lastActive = Math.max(record.lastActive, sentAt)
    this.#checkpoints.add(record, seq, sentAt)
    const entry = createEntry(this.nextIndex, sentAt, epoch, seq, content)
    record.entries.push(entry)
    this.#push(entry, now)
    return entry
  }

  /** Appends an event of a Go Pod. */
  appendV1(stream: string, msg: string, now: number): void {
    this.losses.onV1Event(now)
    this.#push(createV1Event(this.nextIndex, now, stream, msg), now)
  }

  /** Appends a hole: events of `epoch` up to `seq` that no peer can send any more. */
  skipTo(epoch: string, seq: number, now: number): void {
    const record = this.epochs.ensure(epoch, now)
    const hole: HoleEntry = {
      kind: 'hole',
      index: this.nextIndex,
      sentAt: now,
      isEvicted: false,
      epoch,
      from: record.have,
      seq,
    }
    record.have = seq
    record.floor = Math.max(record.floor, seq)
    record.entries.push(hole)
    this.#push(hole, now)
  }

  /** Appends a loss, so that every connection gets a gap. */
  appendLoss(now: number): void {
    this.#push({ kind: 'loss', index: this.nextIndex, sentAt: now, isEvicted: false }, now)
  }

  /** Records that a peer's log has evicted the events of `stream` up to `seq` that this Pod lacks. */
  appendEvicted(epoch: string, stream: string, seq: number, sentAt: number, now: number): void {
    const record = this.epochs.ensure(epoch, now)
    if (seq <= Math.max(record.have, record.streamFloors?.get(stream)?.seq ?? 0)) return
    this.floors.raise(record, stream, seq, this.nextIndex, sentAt)
    // It takes an index, so that each reader passes it.
    this.#onAppend({ kind: 'eviction', index: this.nextIndex, stream }, now)
  }

  /** Skips the entries of `epoch` up to `seq`, because a peer's log has evicted them: {@link appendEvicted} told their streams. */
  skipEvictedTo(epoch: string, seq: number): void {
    const record = this.epochs.get(epoch) as Epoch
    record.have = seq
    record.evictedSeq = seq
  }

  /** Removes the entries older than `maxAgeMs`; call it before each use. */
  trim(now: number): void {
    const oldest = now - this.maxAgeMs
    for (let first = this.#entries.first; first && first.sentAt < oldest; first = this.#entries.first)
      this.#removeOldest(first)
    this.#checkpoints.trim(oldest)
    this.floors.trim(oldest)
  }

  /** Position of this Pod. */
  position(now: number): Map<string, number> {
    return this.positionAt(this.nextIndex, now)
  }

  /** Position of a reader that has every entry before `index`. */
  positionAt(index: number, now: number): Map<string, number> {
    const position = new Map<string, number>()
    // Not `epochs.active()`, because a generator would take longer than the rest.
    for (const [epoch, record] of this.epochs.all) {
      if (this.epochs.isSilent(record, now)) continue
      const seq = index >= this.nextIndex ? record.have : record.seqAt(index)
      if (seq > 0) position.set(epoch, seq)
    }
    return position
  }

  #push(entry: LogEntry, now: number): void {
    this.#entries.push(entry)
    this.#shares.add(entry, this.indexes.add(entry))
    this.#onAppend(entry, now)
  }

  #onAppend(entry: LogEntry | EvictionNotice, now: number): void {
    this.#nextIndex += 1
    this.trim(now)
    while (this.bytes > this.#maxBytes && this.#entries.length > 0) this.#makeRoom()
    for (const listener of this.#listeners) listener(entry)
  }

  #makeRoom(): void {
    // Each removal moves some ten entries for an evicted one, because these have a share of the bytes.
    if (this.#entries.evictedBytes > this.#maxBytes * EVICTED_SHARE) this.#entries.removeEvicted()
    else if (this.#shares.hasSettled)
      this.#evict((this.#shares.largest?.at(0) ?? this.#entries.first) as LogEntry)
    else this.#shares.settleOldest()
  }

  /** Evicts an entry, the oldest one of its stream. */
  #evict(entry: LogEntry): void {
    this.#shares.remove(entry, this.indexes.remove(entry))
    const { floors } = this
    const { index, sentAt } = entry
    if (isNumbered(entry)) {
      const record = this.epochs.get(entry.epoch) as Epoch
      record.evictedSeq = Math.max(record.evictedSeq, entry.seq)
      if (entry.kind === 'event') floors.raise(record, entry.stream, entry.seq, index, sentAt)
      // A peer that skips a disconnect sends every connection a gap, as for a hole.
      else if (!isInternal(entry)) record.floor = Math.max(record.floor, entry.seq)
    } else if (entry.kind === 'v1-event') floors.raise(floors.unnumbered, entry.stream, 0, index, sentAt)
    if (isLoss(entry)) floors.raiseAll(index)
    this.#entries.evict(entry)
  }

  #removeOldest(entry: LogEntry): void {
    this.#shares.remove(entry, this.indexes.remove(entry))
    if (!isInternal(entry)) this.#evictedIndex = entry.index + 1
    if (isNumbered(entry)) {
      const record = this.epochs.get(entry.epoch) as Epoch
      record.floor = Math.max(record.floor, entry.seq)
    }
    this.#entries.shift()
  }
}
