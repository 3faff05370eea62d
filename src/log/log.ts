import { Deque } from './deque.ts'
import { type Epoch, Epochs } from './epochs.ts'
import { IdempotencyKeys } from './idempotency-keys.ts'
import { Ids } from './ids.ts'
import type { Content, DisconnectItem, EventItem, HoleItem, LogItem, TickItem } from './items.ts'
import { cost, createEvent, createItem, metadataBytes } from './items.ts'
import type { Timing } from './timing.ts'

/** What a stream costs that holds any event, roughly: its queue, and its place among the streams. */
const STREAM_BYTES = 320
/** Maximum share of `maxBytes` for entries without their message; they still tell which streams lost one. */
const PAYLOAD_EVICTED_SHARE = 0.25

export interface LogOptions {
  /** This Pod's own epoch. */
  epoch: string
  maxAgeMs: number
  maxBytes: number
  timing: Timing
  /** Whether clients get ids, and can resume. */
  isResumable: boolean
  maxLastEventIdBytes?: number
}

/**
 * A Pod's bounded record of recent events, from every epoch, in the order in which they arrived here. Readers
 * keep an index into it and nothing else. Per epoch it holds consecutive seqs: whoever appends sees to that.
 */
export class Log {
  /** This Pod's own epoch; it may be drawn anew until its first event. */
  epoch: string
  readonly epochs: Epochs
  readonly idempotencyKeys: IdempotencyKeys = new IdempotencyKeys()
  readonly ids: Ids
  readonly isResumable: boolean
  readonly maxAgeMs: number
  /** When an event without epoch last arrived; resuming across one cannot be exact. */
  lastV1At: number = Number.NEGATIVE_INFINITY
  /** When this Pod and a peer last were found to refuse each other; events of that peer never came here. */
  refusedAt: number = Number.NEGATIVE_INFINITY
  readonly #listeners: ((item: LogItem) => void)[] = []
  readonly #maxBytes: number
  readonly #items = new Deque<LogItem>()
  readonly #streams = new Map<string, Deque<EventItem>>()
  readonly #holes = new Deque<HoleItem>()
  readonly #disconnects = new Deque<DisconnectItem>()
  #disconnectsFrom = 0
  /** Events that it holds and that have no epoch. */
  #v1 = 0
  #firstIndex = 0
  #firstCompleteIndex = 0
  #bytes = 0
  #payloadEvictedBytes = 0

  constructor({ epoch, maxAgeMs, maxBytes, timing, isResumable, maxLastEventIdBytes }: LogOptions) {
    this.epoch = epoch
    this.epochs = new Epochs(timing)
    this.ids = new Ids(this.epochs, maxLastEventIdBytes)
    this.isResumable = isResumable
    this.maxAgeMs = maxAgeMs
    this.#maxBytes = maxBytes
  }

  /** Calls `listener` after each append. */
  onAppend(listener: (item: LogItem) => void): void {
    this.#listeners.push(listener)
  }

  /** Index of the oldest entry. */
  get firstIndex(): number {
    return this.#firstIndex
  }

  /** Every event at or after this index still has its message. */
  get firstCompleteIndex(): number {
    return this.#firstCompleteIndex
  }

  /** The log still has every disconnect at or after this index. */
  get disconnectsFrom(): number {
    return this.#disconnectsFrom
  }

  /** Index of the next entry to be appended. */
  get nextIndex(): number {
    return this.#firstIndex + this.#items.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The last seq of this Pod's own. */
  get ownSeq(): number {
    return this.epochs.get(this.epoch)?.have ?? 0
  }

  /** Items that it holds. */
  get items(): number {
    return this.#items.length
  }

  /** How long ago the first of this Pod's own was sent that comes after `seq`, as far as the log reaches. */
  ownAge(seq: number, now: number): number {
    const items = this.epochs.get(this.epoch)?.items
    const item = items?.at(items.lowerBound((candidate) => candidate.seq > seq))
    return item === undefined ? this.maxAgeMs : now - item.sentAt
  }

  /** Whether it holds anything but signs of life. */
  get hasEvents(): boolean {
    return this.#streams.size > 0 || this.#disconnects.length > 0
  }

  at(index: number): LogItem | undefined {
    return this.#items.at(index - this.#firstIndex)
  }

  /** The next event, disconnect or tick of `epoch`: its seq is the one after what is held. */
  append(
    epoch: string,
    content: Content,
    sentAt: number,
    now: number,
  ): EventItem | TickItem | DisconnectItem {
    const record = this.epochs.ensure(epoch, sentAt)
    const seq = record.have + 1
    record.have = seq
    record.lastActive = Math.max(record.lastActive, sentAt)
    const item = createItem(this.nextIndex, sentAt, epoch, seq, content)
    record.items.push(item)
    if (item.kind === 'disconnect') this.#disconnects.push(item)
    this.#push(item, now)
    return item
  }

  /** An event that has no epoch, from a Go Pod: delivered live, never transferred or replayed. */
  appendV1(stream: string, msg: string, now: number): void {
    this.lastV1At = now
    this.#v1 += 1
    this.#push(createEvent(this.nextIndex, now, undefined, 0, stream, { msg }), now)
  }

  /** Appends a hole: events of `epoch` up to `seq` that no peer can send any more. */
  skipTo(epoch: string, seq: number, now: number): void {
    const record = this.epochs.ensure(epoch, now)
    const hole: HoleItem = { kind: 'hole', index: this.nextIndex, sentAt: now, epoch, from: record.have, seq }
    record.have = seq
    record.floor = seq
    record.items.push(hole)
    this.#holes.push(hole)
    this.#push(hole, now)
  }

  /** Tells every connection of a gap: events that nobody here can number were lost. */
  appendLoss(now: number): void {
    this.#v1 += 1
    const hole: HoleItem = {
      kind: 'hole',
      index: this.nextIndex,
      sentAt: now,
      epoch: undefined,
      from: 0,
      seq: 0,
    }
    this.#holes.push(hole)
    this.#push(hole, now)
  }

  /** Evicts the entries older than `maxAgeMs`; call it before each use. */
  trim(now: number): void {
    const oldest = now - this.maxAgeMs
    for (let item = this.#items.at(0); item && item.sentAt < oldest; item = this.#items.at(0)) this.#shift()
  }

  /** Where this Pod stands. */
  position(now: number): Map<string, number> {
    return this.positionAt(this.nextIndex, now)
  }

  /** Where a reader stands that has everything before the item `index`. */
  positionAt(index: number, now: number): Map<string, number> {
    const position = new Map<string, number>()
    for (const [epoch, record] of this.epochs.active(now)) {
      const seq = index >= this.nextIndex ? record.have : record.seqAt(index)
      if (seq > 0) position.set(epoch, seq)
    }
    return position
  }

  /** Whether it may hold an event without epoch. */
  get hasV1(): boolean {
    return this.#v1 > 0
  }

  /** Queues of the events of `streams`, and the queue of all holes. */
  queues(streams: readonly string[]): Deque<LogItem>[] {
    const queues: Deque<LogItem>[] = [this.#holes]
    for (const stream of streams) {
      const queue = this.#streams.get(stream)
      if (queue !== undefined) queues.push(queue)
    }
    return queues
  }

  /** What has come from the item `index` on that ends connections. */
  *disconnects(index: number): Generator<DisconnectItem> {
    const items = this.#disconnects
    for (let i = items.lowerBound((item) => item.index >= index); i < items.length; i += 1)
      yield items.at(i) as DisconnectItem
  }

  #push(item: LogItem, now: number): void {
    this.#items.push(item)
    this.#bytes += cost(item)
    if (item.kind === 'event') {
      this.idempotencyKeys.add(item)
      const queue = this.#streams.get(item.stream) ?? new Deque<EventItem>()
      queue.push(item)
      if (queue.length === 1) {
        this.#streams.set(item.stream, queue)
        this.#bytes += STREAM_BYTES
      }
    }
    this.trim(now)
    while (this.#bytes > this.#maxBytes && this.#items.length > 0) this.#makeRoom()
    for (const listener of this.#listeners) listener(item)
  }

  /** Evicts the oldest message, or the oldest entry where entries without a message exceed their share. */
  #makeRoom(): void {
    if (
      this.#payloadEvictedBytes > this.#maxBytes * PAYLOAD_EVICTED_SHARE ||
      this.#firstCompleteIndex === this.nextIndex
    ) {
      this.#shift()
      return
    }
    const item = this.at(this.#firstCompleteIndex) as LogItem
    this.#firstCompleteIndex += 1
    if (item.kind === 'event') {
      const left = metadataBytes(item)
      this.#bytes -= item.bytes - left
      item.bytes = left
      item.msg = undefined
      item.traceparent = undefined
    }
    this.#payloadEvictedBytes += cost(item)
    if (item.kind !== 'event') return
    if (item.epoch !== undefined) (this.epochs.get(item.epoch) as Epoch).payloadEvicted = item.seq
  }

  #shift(): void {
    const item = this.#items.shift() as LogItem
    const isPayloadEvicted = this.#firstIndex < this.#firstCompleteIndex
    this.#firstIndex += 1
    this.#bytes -= cost(item)
    if (isPayloadEvicted) this.#payloadEvictedBytes -= cost(item)
    else this.#firstCompleteIndex = this.#firstIndex
    if (item.kind === 'hole') this.#holes.shift()
    if (item.kind === 'disconnect') {
      this.#disconnects.shift()
      this.#disconnectsFrom = this.#firstIndex
    }
    if (item.kind === 'event') {
      this.idempotencyKeys.remove(item)
      const items = this.#streams.get(item.stream) as Deque<EventItem>
      items.shift()
      if (items.length === 0) {
        this.#streams.delete(item.stream)
        this.#bytes -= STREAM_BYTES
      }
    }
    if (item.epoch === undefined) this.#v1 -= 1
    if (item.epoch === undefined) return
    const record = this.epochs.get(item.epoch) as Epoch
    record.items.shift()
    record.floor = Math.max(record.floor, item.seq)
  }
}
