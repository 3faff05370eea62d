import { Deque } from './deque.ts'
import type { DisconnectEntry, EntryContent, EventEntry, HoleEntry, LogEntry, NoopEntry } from './entry.ts'
import { createEntry, createV1Event, evictPayload, isEvent, isNumbered, memoryBytes } from './entry.ts'
import { type Epoch, Epochs } from './epochs.ts'
import { EventIds } from './event-ids.ts'
import { Losses } from './losses.ts'
import { SecondaryIndexes } from './secondary-indexes.ts'
import type { Timing } from './timing.ts'

/** Maximum share of `maxBytes` for entries without their message; they still tell which streams lost one. */
const PAYLOAD_EVICTED_SHARE = 0.25

export interface LogOptions {
  /** This Pod's own epoch. */
  epoch: string
  maxAgeMs: number
  maxBytes: number
  timing: Timing
  /** True if clients receive event ids, and can resume. */
  isResumable: boolean
  maxLastEventIdBytes?: number
}

/**
 * The recent entries of every epoch, in order of arrival at this Pod, bounded by age and bytes. Readers keep an index
 * into it and no queue of their own. The seqs of one epoch are consecutive; the callers of `append()` see to that.
 */
export class Log {
  /** This Pod's own epoch; it can change until its first event. */
  epoch: string
  readonly epochs: Epochs
  readonly indexes: SecondaryIndexes = new SecondaryIndexes()
  readonly eventIds: EventIds
  readonly losses: Losses
  readonly isResumable: boolean
  readonly maxAgeMs: number
  readonly #listeners: ((entry: LogEntry) => void)[] = []
  readonly #maxBytes: number
  readonly #entries = new Deque<LogEntry>()
  #firstIndex = 0
  #firstCompleteIndex = 0
  #evictedIndex = 0
  #bytes = 0
  #payloadEvictedBytes = 0

  constructor({ epoch, maxAgeMs, maxBytes, timing, isResumable, maxLastEventIdBytes }: LogOptions) {
    this.epoch = epoch
    this.epochs = new Epochs(timing)
    this.eventIds = new EventIds(this.epochs, maxLastEventIdBytes)
    this.losses = new Losses(timing)
    this.isResumable = isResumable
    this.maxAgeMs = maxAgeMs
    this.#maxBytes = maxBytes
  }

  /** Calls `listener` after each append. */
  onAppend(listener: (entry: LogEntry) => void): void {
    this.#listeners.push(listener)
  }

  /** Index of the oldest entry. */
  get firstIndex(): number {
    return this.#firstIndex
  }

  /** Every entry at or after this index is in the log, no-op entries apart: a reader before it may have missed an event. */
  get evictedIndex(): number {
    return this.#evictedIndex
  }

  /** Every event at or after this index still has its message. */
  get firstCompleteIndex(): number {
    return this.#firstCompleteIndex
  }

  /** Index of the next entry to be appended. */
  get nextIndex(): number {
    return this.#firstIndex + this.#entries.length
  }

  get bytes(): number {
    return this.#bytes + this.indexes.bytes
  }

  /** Last seq of this Pod's own epoch. */
  get ownSeq(): number {
    return this.epochs.get(this.epoch)?.have ?? 0
  }

  /** Number of entries. */
  get entries(): number {
    return this.#entries.length
  }

  /** Age of this Pod's first own entry after `seq`, in milliseconds; `maxAgeMs` where the log has none. */
  ownAge(seq: number, now: number): number {
    const entries = this.epochs.get(this.epoch)?.entries
    const entry = entries?.at(entries.lowerBound((candidate) => candidate.seq > seq))
    return entry === undefined ? this.maxAgeMs : now - entry.sentAt
  }

  at(index: number): LogEntry | undefined {
    return this.#entries.at(index - this.#firstIndex)
  }

  /** Appends an event, disconnect or no-op entry of `epoch`, with the seq after the last one. */
  append(
    epoch: string,
    content: EntryContent,
    sentAt: number,
    now: number,
  ): EventEntry | NoopEntry | DisconnectEntry {
    const record = this.epochs.ensure(epoch, sentAt)
    const seq = record.have + 1
    record.have = seq
    record.lastActive = Math.max(record.lastActive, sentAt)
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
      epoch,
      from: record.have,
      seq,
    }
    record.have = seq
    record.floor = seq
    record.entries.push(hole)
    this.#push(hole, now)
  }

  /** Appends a loss, so that every connection gets a gap. */
  appendLoss(now: number): void {
    this.#push({ kind: 'loss', index: this.nextIndex, sentAt: now }, now)
  }

  /** Evicts the entries older than `maxAgeMs`; call it before each use. */
  trim(now: number): void {
    const oldest = now - this.maxAgeMs
    for (let entry = this.#entries.at(0); entry && entry.sentAt < oldest; entry = this.#entries.at(0))
      this.#removeOldest()
  }

  /** Position of this Pod. */
  position(now: number): Map<string, number> {
    return this.positionAt(this.nextIndex, now)
  }

  /** Position of a reader that has every entry before `index`. */
  positionAt(index: number, now: number): Map<string, number> {
    const position = new Map<string, number>()
    for (const [epoch, record] of this.epochs.active(now)) {
      const seq = index >= this.nextIndex ? record.have : record.seqAt(index)
      if (seq > 0) position.set(epoch, seq)
    }
    return position
  }

  #push(entry: LogEntry, now: number): void {
    this.#entries.push(entry)
    this.#bytes += memoryBytes(entry)
    this.indexes.add(entry)
    this.trim(now)
    while (this.bytes > this.#maxBytes && this.#entries.length > 0) this.#evict()
    for (const listener of this.#listeners) listener(entry)
  }

  /** Evicts the oldest message, or the oldest entry where entries without a message exceed their share. */
  #evict(): void {
    if (
      this.#payloadEvictedBytes > this.#maxBytes * PAYLOAD_EVICTED_SHARE ||
      this.#firstCompleteIndex === this.nextIndex
    ) {
      this.#removeOldest()
      return
    }
    const entry = this.at(this.#firstCompleteIndex) as LogEntry
    this.#firstCompleteIndex += 1
    if (isEvent(entry)) {
      this.#bytes -= entry.bytes
      evictPayload(entry)
      this.#bytes += entry.bytes
    }
    this.#payloadEvictedBytes += memoryBytes(entry)
    if (entry.kind === 'event') (this.epochs.get(entry.epoch) as Epoch).payloadEvicted = entry.seq
  }

  #removeOldest(): void {
    const entry = this.#entries.shift() as LogEntry
    const isPayloadEvicted = this.#firstIndex < this.#firstCompleteIndex
    this.#firstIndex += 1
    if (entry.kind !== 'no-op') this.#evictedIndex = this.#firstIndex
    this.#bytes -= memoryBytes(entry)
    if (isPayloadEvicted) this.#payloadEvictedBytes -= memoryBytes(entry)
    else this.#firstCompleteIndex = this.#firstIndex
    this.indexes.remove(entry)
    if (!isNumbered(entry)) return
    const record = this.epochs.get(entry.epoch) as Epoch
    record.entries.shift()
    record.floor = Math.max(record.floor, entry.seq)
  }
}
