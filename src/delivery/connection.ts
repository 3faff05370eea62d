import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { FrameFormat } from '../wire/frame-format.ts'
import { byteLength } from '../wire/names.ts'
import {
  type GapReason,
  gapPreambleFrame,
  positionFrame,
  preambleFrame,
  type RetryReason,
  retryFrame,
  type StartPoint,
} from '../wire/sse-frame.ts'
import type { Audience } from './audience.ts'
import type { Batch } from './batch.ts'
import type { Chunk } from './chunk.ts'
import { FrameText } from './frame-text.ts'
import type { OutputBuffers } from './output-buffers.ts'
import type { Reader } from './reader.ts'
import type { ConnectionGrant } from './reservations.ts'

/** Writes a connection's bytes to its client. */
export interface Sink {
  /** True if the runtime buffers a shared chunk without copying it. */
  readonly isSharing?: boolean
  /**
   * Writes a chunk; `isShared`: other sinks get the same bytes. Returns true if the client's socket took all of it and
   * the next chunk can follow at once. Otherwise the sink asks for the next one through `Hub.pull()`.
   */
  write(chunk: Uint8Array, isShared?: boolean): boolean
  /** Does the same for a text that no other sink gets, where the runtime has a shorter way for it than by `write()`. */
  writeText?(text: string): boolean
  /** Ends the response after the chunks that were written. */
  close(): void
  /** Ends the response at once, and discards the bytes that the client has not read. */
  abort(): void
}

/** Dependencies that all connections of a Pod share. */
export interface ConnectionContext {
  log: Log
  now: () => number
  retryMs: number
  counters: Counters
  outputs: OutputBuffers
}

export interface ConnectionOptions {
  audience: Audience
  reader: Reader
  /** Reason why the client may have missed events before this connection. */
  gap: GapReason | undefined
  /** Where the client's request asked to begin. */
  start: StartPoint
  sink: Sink
  context: ConnectionContext
  /** Undefined: no tags, no expiry, no address to count. */
  grant?: ConnectionGrant | undefined
}

const encoder = new TextEncoder()

/**
 * One client's open response: a cursor over the log without a queue. While it is caught up, it receives the shared
 * chunks of the dispatcher. When a chunk is due before its sink has asked for one, it falls behind: then it reads the
 * log by itself, slice by slice from the catch-up queue, until it is caught up again.
 */
export class Connection {
  readonly audience: Audience
  readonly grant: ConnectionGrant | undefined
  /** Slot of the {@link Heartbeat} that it is in. */
  slot = 0
  readonly #reader: Reader
  readonly #sink: Sink
  readonly #context: ConnectionContext
  readonly #gap: GapReason | undefined
  readonly #start: StartPoint
  #isPreambleSent = false
  #isBehind: boolean
  #isReady = false
  #isClosed = false
  /** Log index before which the connection ends: it gets no entry at or after it. */
  #closeIndex: number | undefined
  /** Size of its own chunk, or the shared chunk, that its client has not taken yet. */
  #held: number | Chunk = 0
  /** Heartbeats since its client last took a chunk. */
  #missedHeartbeats = 0

  constructor({ audience, reader, gap, start, sink, context, grant }: ConnectionOptions) {
    this.audience = audience
    this.grant = grant
    this.#reader = reader
    this.#sink = sink
    this.#context = context
    this.#gap = gap
    this.#start = start
    this.#isBehind = reader.cursor < context.log.nextIndex
  }

  /** The log's next index at the time of its response: the first entry that is live for this connection. */
  get liveFrom(): number {
    return this.#reader.liveFrom
  }

  /** True if it has received every entry before its close index, and is not closed yet. */
  get canClose(): boolean {
    return this.#closeIndex !== undefined && !this.#isBehind && !this.#isClosed
  }

  /** True if the response has ended, or its client has gone. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** True if its sink has asked for a chunk. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** The sink asks for a chunk. Returns true if the connection is behind and must join the catch-up queue. */
  pull(): boolean {
    if (this.#isClosed) return false
    this.#isReady = true
    this.#missedHeartbeats = 0
    this.#release()
    if (!this.#isPreambleSent) {
      this.#isBehind = this.#reader.cursor < this.#end
      // Otherwise the preamble comes with the first slice, because the log must evict nothing between the two.
      if (!this.#isBehind) this.#write(this.#preamble(this.#context.now()))
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
    if (this.#isReady && !reader.hasCarriedEntries && reader.cursor <= batch.from) {
      const chunk = batch.chunk(this.audience)
      if (chunk === undefined || this.#context.outputs.hasRoomFor(chunk, this.#sink.isSharing === true)) {
        reader.cursor = batch.to
        if (chunk === undefined) return false
        this.#writeChunk(chunk)
        this.#context.counters.countDelivery(chunk)
        return false
      }
    }
    this.#isBehind = true
    reader.catchUp(batch.from, this.#context.now())
    return this.#isReady
  }

  /** Reads the next slice of the log. Returns true if the connection is still behind and can take another one. */
  catchUp(): boolean {
    if (!this.#isReady || !this.#isBehind) return false
    const { log, counters } = this.#context
    const now = this.#context.now()
    let preamble = ''
    if (!this.#isPreambleSent) {
      // As the slice does, because the preamble has the gap for the entries that this evicts.
      log.trim(now)
      preamble = this.#preamble(now)
    }
    const frames = new FrameText(log.isResumable, this.audience.format)
    const slice = this.#reader.slice(frames, now, this.#end)
    this.#isBehind = this.#reader.cursor < this.#end
    const text = preamble + frames.text
    const takesMore = text === '' || this.#write(text)
    counters.countDelivery(slice)
    counters.replayed += slice.replayed
    return this.#isBehind && takesMore
  }

  /** Counts a heartbeat; returns whether the client has taken no chunk for more than `maxMissedHeartbeats` of them. */
  isTooSlow(maxMissedHeartbeats: number): boolean {
    if (this.#isReady) return false
    this.#missedHeartbeats += 1
    return this.#missedHeartbeats > maxMissedHeartbeats
  }

  /** Keeps an idle response open, and moves its client's position to `deliveredIndex`. */
  heartbeat(deliveredIndex: number, frameAt: (index: number, format: FrameFormat) => Uint8Array): void {
    if (!this.#isReady || this.#isBehind) return
    const now = this.#context.now()
    this.#reader.catchUp(deliveredIndex, now)
    const { cursor, hasCarriedEntries } = this.#reader
    if (!hasCarriedEntries) this.#writeBytes(frameAt(cursor, this.audience.format))
    else this.#write(this.audience.format.own(positionFrame(this.#idAt(cursor, now))))
  }

  /** Ends the connection before the log's `index`. Returns true if it has received every entry before that already. */
  closeAt(index: number): boolean {
    this.#closeIndex = index
    this.#isBehind = this.#reader.cursor < index
    return !this.#isBehind
  }

  /**
   * Ends the response. Its `retry` is 0.5 to 1.5 times `retryMs`, at random, so that the clients of one Pod do not all
   * reconnect at the same time; the preamble of the next connection restores `retryMs`.
   */
  close(random: number, reason: RetryReason): void {
    this.#isClosed = true
    // Also where its sink has not asked for it, because an event may come right before a disconnect.
    const retryMs = Math.round(this.#context.retryMs * (0.5 + random))
    this.#write(this.audience.format.own(retryFrame(retryMs, reason)))
    this.#sink.close()
    this.#release()
  }

  /** Ends the response at once, because its client does not read. */
  abort(): void {
    this.discard()
    this.#sink.abort()
  }

  /** Releases the buffers without a write, because the client has gone. */
  discard(): void {
    this.#isClosed = true
    this.#release()
  }

  /** Bytes that its client has not taken yet; a shared chunk counts in equal parts for its holders. */
  get heldBytes(): number {
    const held = this.#held
    return typeof held === 'number' ? held : held.byteLength / held.holders
  }

  /** Log index before which it reads. */
  get #end(): number {
    return this.#closeIndex ?? this.#context.log.nextIndex
  }

  /** The first block. It has an id, so that a client without any event can resume; a gap comes first. */
  #preamble(now: number): string {
    this.#isPreambleSent = true
    const { retryMs, counters } = this.#context
    // The log may have evicted entries after its position since its request was answered.
    const isLost = this.#reader.skipEvicted(now)
    const gap = this.#gap ?? (isLost ? 'slow-client' : undefined)
    const id = this.#idAt(this.#reader.cursor, now)
    const { format } = this.audience
    if (gap === undefined) return format.own(preambleFrame(id, retryMs, this.#start))
    counters.gaps[gap] += 1
    return format.own(gapPreambleFrame(id, retryMs, this.#start, gap))
  }

  /** The id of its client at `index`; undefined where clients receive no ids, and for a client that has no entry yet. */
  #idAt(index: number, now: number): string | undefined {
    if (!this.#context.log.isResumable) return undefined
    const id = this.#reader.idAt(index, now)
    // An empty position, before the first entry of the log: no Pod reads such an id.
    return id.startsWith('-') ? undefined : id
  }

  #writeChunk(chunk: Chunk): void {
    const sink = this.#sink
    if (chunk.bytes === undefined && sink.writeText !== undefined) this.#write(chunk.text)
    else {
      const bytes = chunk.encoded()
      this.#writeToSink(bytes, sink.isSharing === true ? chunk : bytes.byteLength, true)
    }
  }

  #write(text: string): boolean {
    if (this.#sink.writeText === undefined) return this.#writeBytes(encoder.encode(text))
    this.#isReady = false
    const isTaken = this.#sink.writeText(text)
    return this.#afterWrite(isTaken, isTaken ? 0 : byteLength(text))
  }

  #writeBytes(bytes: Uint8Array): boolean {
    return this.#writeToSink(bytes, bytes.byteLength, false)
  }

  #writeToSink(bytes: Uint8Array, held: number | Chunk, isShared: boolean): boolean {
    this.#isReady = false
    return this.#afterWrite(this.#sink.write(bytes, isShared), held)
  }

  /**
   * Returns `isTaken`: true if the sink took all of it. Otherwise `held` counts until the sink pulls. `#isReady` changes
   * before the write, because a body with two pending reads pulls inside `write()`, and that pull must count.
   */
  #afterWrite(isTaken: boolean, held: number | Chunk): boolean {
    if (isTaken) this.#isReady = true
    else if (!this.#isReady && !this.#isClosed) this.#hold(held)
    return isTaken
  }

  #hold(held: number | Chunk): void {
    this.#release()
    this.#held = held
    if (typeof held === 'number') this.#context.outputs.add(held)
    else this.#context.outputs.retain(held)
  }

  #release(): void {
    const held = this.#held
    if (held === 0) return
    this.#held = 0
    if (typeof held === 'number') this.#context.outputs.remove(held)
    else this.#context.outputs.release(held)
  }
}
