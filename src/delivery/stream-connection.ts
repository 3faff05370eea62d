import type { EventEntry, V1EventEntry } from '../log/entry.ts'
import {
  eventFrame,
  type FrameFormat,
  type GapReason,
  gapFrame,
  positionFrame,
  STANDARD,
} from '../wire/sse-frame.ts'
import type { Audience } from './audience.ts'
import type { Batch } from './batch.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { Reader, SliceOutput } from './reader.ts'

/** A slice of the log as the frames of one connection. */
export class FrameText implements SliceOutput {
  text = ''
  readonly #hasIds: boolean
  readonly #format: FrameFormat

  constructor(hasIds: boolean, format: FrameFormat = STANDARD) {
    this.#hasIds = hasIds
    this.#format = format
  }

  get length(): number {
    return this.text.length
  }

  event(entry: EventEntry | V1EventEntry, formatId: (last?: string) => string): void {
    const msg = entry.msg as string
    const isNumbered = entry.kind === 'event'
    const id = isNumbered && this.#hasIds ? formatId(entry.epoch) : undefined
    const event = isNumbered ? entry.event : undefined
    this.text += this.#format.event(eventFrame({ id, event, msg }), entry.stream, event)
  }

  gap(reason: GapReason, formatId: () => string): void {
    this.text += this.#format.own(gapFrame(this.#hasIds ? formatId() : undefined, reason))
  }
}

export interface StreamConnectionOptions extends ConnectionOptions {
  audience: Audience
  reader: Reader
  /** Reason why the client may have missed events before this connection. */
  gap: GapReason | undefined
}

/**
 * A connection that reads streams: a cursor over the log. While it is caught up, it receives the shared
 * chunks of the dispatcher. When a chunk is due before its sink has asked for one, it falls behind: then it reads the
 * log by itself, slice by slice from the catch-up queue, until it is caught up again.
 */
export class StreamConnection extends Connection {
  readonly audience: Audience
  readonly #reader: Reader
  readonly #gap: GapReason | undefined
  #isBehind: boolean
  /** Log index before which the connection ends: it gets no entry at or after it. */
  #closeIndex: number | undefined

  constructor(options: StreamConnectionOptions) {
    super(options)
    this.audience = options.audience
    this.#reader = options.reader
    this.#gap = options.gap
    this.#isBehind = options.reader.cursor < options.context.log.nextIndex
  }

  get streams(): readonly string[] {
    return this.audience.streams
  }

  /** The log's next index at the time of its response: the first entry that is live for this connection. */
  get liveFrom(): number {
    return this.#reader.liveFrom
  }

  get canClose(): boolean {
    return this.#closeIndex !== undefined && !this.#isBehind && !this.isClosed
  }

  protected get format(): FrameFormat {
    return this.audience.format
  }

  protected onReady(): boolean {
    if (!this.isPreambleSent) {
      this.#isBehind = this.#reader.cursor < this.#end
      // Otherwise the preamble comes with the first slice, because the log must evict nothing between the two.
      if (!this.#isBehind) this.writeText(this.#firstBlock(this.context.now()))
    }
    return this.#isBehind
  }

  /**
   * Sends the part of a batch that its streams have; a connection that is behind skips it. Returns true if the connection
   * falls behind by this and must join the catch-up queue.
   */
  deliver(batch: Batch): boolean {
    const reader = this.#reader
    if (this.#isBehind || reader.cursor >= batch.to) return false
    if (this.isReady && !reader.hasCarriedEntries && reader.cursor <= batch.from) {
      const chunk = batch.chunk(this.audience)
      if (chunk === undefined || this.hasRoomFor(chunk)) {
        reader.cursor = batch.to
        if (chunk === undefined) return false
        this.writeChunk(chunk)
        this.context.counters.countDelivery(chunk)
        return false
      }
    }
    this.#isBehind = true
    reader.catchUp(batch.from, this.context.now())
    return this.isReady
  }

  catchUp(): boolean {
    if (!this.isReady || !this.#isBehind) return false
    const { log, counters } = this.context
    const now = this.context.now()
    let preamble = ''
    if (!this.isPreambleSent) {
      // As the slice does, because the preamble has the gap for the entries that this evicts.
      log.trim(now)
      preamble = this.#firstBlock(now)
    }
    const frames = new FrameText(log.isResumable, this.format)
    const slice = this.#reader.slice(frames, now, this.#end)
    this.#isBehind = this.#reader.cursor < this.#end
    const text = preamble + frames.text
    const takesMore = text === '' || this.writeText(text)
    counters.countDelivery(slice)
    counters.replayed += slice.replayed
    return this.#isBehind && takesMore
  }

  /** Keeps an idle response open, and moves its client's position to `deliveredIndex`. */
  heartbeat(deliveredIndex: number, frameAt: (index: number, format: FrameFormat) => Uint8Array): void {
    if (!this.isReady || this.#isBehind) return
    const now = this.context.now()
    this.#reader.catchUp(deliveredIndex, now)
    const { cursor, hasCarriedEntries } = this.#reader
    if (!hasCarriedEntries) this.writeBytes(frameAt(cursor, this.format))
    else this.writeText(this.format.own(positionFrame(this.#idAt(cursor, now))))
  }

  closeAt(index: number): boolean {
    this.#closeIndex = index
    this.#isBehind = this.#reader.cursor < index
    return !this.#isBehind
  }

  /** Log index before which it reads. */
  get #end(): number {
    return this.#closeIndex ?? this.context.log.nextIndex
  }

  /** The first block. It has an id, so that a client without any event can resume; a gap comes first. */
  #firstBlock(now: number): string {
    // The log may have evicted entries after its position since its request was answered.
    const isLost = this.#reader.skipEvicted(now)
    const gap = this.#gap ?? (isLost ? 'slow-client' : undefined)
    const id = this.#idAt(this.#reader.cursor, now)
    return this.preamble(id, gap)
  }

  /** The id of its client at `index`; undefined where clients receive no ids, and for a client that has no entry yet. */
  #idAt(index: number, now: number): string | undefined {
    if (!this.context.log.isResumable) return undefined
    const id = this.#reader.idAt(index, now)
    // An empty position, before the first entry of the log: no Pod reads such an id.
    return id.startsWith('-') ? undefined : id
  }
}
