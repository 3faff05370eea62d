import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import { byteLength } from '../wire/names.ts'
import {
  type FrameFormat,
  type GapReason,
  gapPreambleFrame,
  preambleFrame,
  type RetryReason,
  retryFrame,
  type StartPoint,
} from '../wire/sse-frame.ts'
import type { Chunk } from './chunk.ts'
import type { OutputBuffers } from './output-buffers.ts'
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
  /**
   * Ends the response so that its client sees that it is not complete.
   * @default {@link abort}
   */
  breakOff?(): void
}

/** Dependencies that all connections of a Pod share. */
export interface ConnectionContext {
  log: Log
  now: () => number
  retryMs: number
  heartbeatMs: number
  counters: Counters
  outputs: OutputBuffers
}

export interface ConnectionOptions {
  /** Where the client's request asked to begin. */
  start: StartPoint
  sink: Sink
  context: ConnectionContext
  /** Undefined: no tags, no expiry, no address to count. */
  grant?: ConnectionGrant | undefined
}

const encoder = new TextEncoder()

/**
 * One client's open response, and the chunk that the client has not taken yet. It has no queue: a subclass is a cursor, and
 * reads what is due when its sink asks for it.
 */
export abstract class Connection {
  readonly grant: ConnectionGrant | undefined
  /** Slot of the {@link Heartbeat} that it is in. */
  slot = 0
  protected readonly context: ConnectionContext
  readonly #sink: Sink
  readonly #start: StartPoint
  #isPreambleSent = false
  #isReady = false
  #isClosed = false
  /** Size of its own chunk, or the shared chunk, that its client has not taken yet. */
  #held: number | Chunk = 0
  /** Heartbeats since its client last took a chunk. */
  #missedHeartbeats = 0

  constructor({ start, sink, context, grant }: ConnectionOptions) {
    this.grant = grant
    this.context = context
    this.#sink = sink
    this.#start = start
  }

  /** The streams of the log that it reads. */
  abstract readonly streams: readonly string[]
  /** The first entry of the log that it has to receive before a close at a later index. */
  abstract readonly liveFrom: number
  /** True if nothing is left to be sent before its end, and it is not closed yet. */
  abstract readonly canClose: boolean
  protected abstract readonly format: FrameFormat

  /** True if its client takes any end of the body for the last one, so that a drain waits for it as long as it can. */
  get outlastsDrain(): boolean {
    return false
  }

  /** Reads the next slice. Returns true if the connection is still behind and can take another one. */
  abstract catchUp(): boolean

  /** Keeps an idle response open; `frameAt` formats the log's position at an index, up to `deliveredIndex`. */
  abstract heartbeat(
    deliveredIndex: number,
    frameAt: (index: number, format: FrameFormat) => Uint8Array,
  ): void

  /** Ends the connection before the log's `index`. Returns true if it has received every entry before that already. */
  abstract closeAt(index: number): boolean

  /** The sink has asked for a chunk. Returns true if the connection is behind and must join the catch-up queue. */
  protected abstract onReady(): boolean

  /** True if the response has ended, or its client has gone. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** True if its sink has asked for a chunk. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Bytes that its client has not taken yet; a shared chunk counts in equal parts for its holders. */
  get heldBytes(): number {
    const held = this.#held
    return typeof held === 'number' ? held : held.byteLength / held.holders
  }

  /** The sink asks for a chunk. Returns true if the connection is behind and must join the catch-up queue. */
  pull(): boolean {
    if (this.#isClosed) return false
    this.#isReady = true
    this.#missedHeartbeats = 0
    this.#release()
    return this.onReady()
  }

  /** Counts a heartbeat; returns whether the client has taken no chunk for more than `maxMissedHeartbeats` of them. */
  isTooSlow(maxMissedHeartbeats: number): boolean {
    if (this.#isReady) return false
    this.#missedHeartbeats += 1
    return this.#missedHeartbeats > maxMissedHeartbeats
  }

  /**
   * Ends the response. Its `retry` is 0.5 to 1.5 times `retryMs`, at random, so that the clients of one Pod do not all
   * reconnect at the same time; the preamble of the next connection restores `retryMs`.
   */
  close(random: number, reason: RetryReason): void {
    // Also where its sink has not asked for it, because an event may come right before a disconnect.
    const retryMs = Math.round(this.context.retryMs * (0.5 + random))
    this.finish(this.format.own(retryFrame(retryMs, reason)))
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

  /** Ends the response after a last text. */
  protected finish(text: string): void {
    this.#isClosed = true
    this.writeText(text)
    this.#sink.close()
    this.#release()
  }

  /** Ends the response after a last text in a way that its client sees as a failure. */
  protected breakOff(text: string): void {
    if (text !== '') this.writeText(text)
    this.discard()
    if (this.#sink.breakOff === undefined) this.#sink.abort()
    else this.#sink.breakOff()
  }

  /** True if {@link preamble} was called. */
  protected get isPreambleSent(): boolean {
    return this.#isPreambleSent
  }

  /** The first block, for a client that gets `id`; counts its gap. */
  protected preamble(id: string | undefined, gap: GapReason | undefined): string {
    this.#isPreambleSent = true
    const { retryMs, heartbeatMs, counters } = this.context
    if (gap === undefined) return this.format.own(preambleFrame(id, retryMs, this.#start, heartbeatMs))
    counters.gaps[gap] += 1
    return this.format.own(gapPreambleFrame(id, retryMs, this.#start, gap, heartbeatMs))
  }

  /** Returns whether a shared chunk may be written, or the output buffers are so full that slices are to be read. */
  protected hasRoomFor(chunk: Chunk): boolean {
    return this.context.outputs.hasRoomFor(chunk, this.#sink.isSharing === true)
  }

  /** Writes a chunk that other connections may share. Returns true if the client's socket took all of it. */
  protected writeChunk(chunk: Chunk): boolean {
    const sink = this.#sink
    if (chunk.bytes === undefined && sink.writeText !== undefined) return this.writeText(chunk.text)
    const bytes = chunk.encoded()
    return this.#writeToSink(bytes, sink.isSharing === true ? chunk : bytes.byteLength, true)
  }

  /** Writes a text of its own. Returns true if the client's socket took all of it. */
  protected writeText(text: string): boolean {
    if (this.#sink.writeText === undefined) return this.writeBytes(encoder.encode(text))
    this.#isReady = false
    const isTaken = this.#sink.writeText(text)
    return this.#afterWrite(isTaken, isTaken ? 0 : byteLength(text))
  }

  /** Writes bytes, as {@link writeText} does. */
  protected writeBytes(bytes: Uint8Array): boolean {
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
    if (typeof held === 'number') this.context.outputs.add(held)
    else this.context.outputs.retain(held)
  }

  #release(): void {
    const held = this.#held
    if (held === 0) return
    this.#held = 0
    if (typeof held === 'number') this.context.outputs.remove(held)
    else this.context.outputs.release(held)
  }
}
