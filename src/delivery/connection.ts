import type { Log } from '../log/log.ts'
import type { Counters } from '../telemetry/counters.ts'
import { type GapReason, gapFrame, greetingFrame, positionFrame, retryFrame } from '../wire/frame.ts'
import type { Audience } from './audience.ts'
import type { Batch, Chunk } from './batch.ts'
import type { OutputBuffers } from './output-buffers.ts'
import type { Reader } from './reader.ts'
import type { Terms } from './terms.ts'

/** Where a connection's bytes go. */
export interface Sink {
  /** Whether its runtime keeps a chunk that other sinks are written, too, without a copy of its own. */
  readonly isSharing?: boolean
  /**
   * Takes one chunk, which other sinks are written, too, if it `isShared`. True: the client's socket has taken all of it,
   * and the next one may come at once; otherwise the sink asks for it, through `Hub.pull()`.
   */
  write(chunk: Uint8Array, isShared?: boolean): boolean
  /** Ends the response after what was written. */
  close(): void
  /** Ends it at once, whatever the client has not read. */
  abort(): void
}

/** What all connections of a Pod share. */
export interface Surroundings {
  log: Log
  now: () => number
  retryMs: number
  counters: Counters
  outputs: OutputBuffers
}

export interface ConnectionOptions {
  audience: Audience
  reader: Reader
  /** Why the client may have missed events, as far as is known at the start. */
  gap: GapReason | undefined
  /** Whether the client's request had an id. */
  isResumed: boolean
  sink: Sink
  surroundings: Surroundings
  /** Undefined: it may be here for as long as it likes. */
  terms?: Terms | undefined
}

const encoder = new TextEncoder()

/**
 * One client's open response: a cursor over the log and no queue of its own. While it is level with the hub, it
 * takes the hub's shared chunks. When a chunk comes before its sink asked for one, it falls behind; then it reads
 * the log by itself, one slice whenever the hub gives it a turn, until it is level again.
 */
export class Connection {
  readonly audience: Audience
  readonly terms: Terms | undefined
  /** Which beat of the heartbeat it takes part in. */
  beat = 0
  readonly #reader: Reader
  readonly #sink: Sink
  readonly #surroundings: Surroundings
  readonly #gap: GapReason | undefined
  readonly #isResumed: boolean
  #isGreeted = false
  #isBehind: boolean
  #isReady = false
  #isClosed = false
  /** It is sent nothing from this index of the log on, and is closed there. */
  #end: number | undefined
  /** Bytes of its own, or the shared chunk, that its client has not taken yet. */
  #held: number | Chunk = 0
  /** Heartbeats since its client last took all there was. */
  #unread = 0

  constructor({ audience, reader, gap, isResumed, sink, surroundings, terms }: ConnectionOptions) {
    this.audience = audience
    this.terms = terms
    this.#reader = reader
    this.#sink = sink
    this.#surroundings = surroundings
    this.#gap = gap
    this.#isResumed = isResumed
    this.#isBehind = reader.cursor < surroundings.log.nextIndex
  }

  /** Index of the log at which it began: where the log stood when its request was answered. */
  get begin(): number {
    return this.#reader.liveFrom
  }

  /** Whether it has an end, was sent everything before it, and is yet to be closed. */
  get isDone(): boolean {
    return this.#end !== undefined && !this.#isBehind && !this.#isClosed
  }

  /** Whether nothing more is written to it. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether its sink takes the next chunk at once. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** The sink wants a chunk. True: it is behind, and asks for a turn. */
  pull(): boolean {
    if (this.#isClosed) return false
    this.#isReady = true
    this.#unread = 0
    this.#release()
    const takesMore = this.#isGreeted || this.#greet()
    return this.#isBehind && takesMore
  }

  /**
   * Sends its streams' part of a batch of new events; a connection that is not level leaves it for later. True: it has
   * fallen behind by this, and asks for a turn.
   */
  offer(batch: Batch): boolean {
    const reader = this.#reader
    if (this.#isBehind || reader.cursor >= batch.to) return false
    if (this.#isReady && reader.isLevel && reader.cursor <= batch.from) {
      const chunk = batch.chunk(this.audience)
      if (
        chunk === undefined ||
        this.#surroundings.outputs.hasRoomFor(chunk, this.#sink.isSharing === true)
      ) {
        reader.cursor = batch.to
        if (chunk === undefined) return false
        this.#hand(chunk.bytes, this.#sink.isSharing === true ? chunk : chunk.bytes.byteLength, true)
        this.#surroundings.counters.countDelivery(chunk)
        return false
      }
    }
    this.#isBehind = true
    reader.catchUp(batch.from, this.#surroundings.now())
    return this.#isReady
  }

  /** Its turn to read a slice of the log. True: it is still behind, and asks for another. */
  catchUp(): boolean {
    if (!this.#isReady || !this.#isBehind) return false
    const { log, now, counters } = this.#surroundings
    const slice = this.#reader.slice(now(), this.#end ?? log.nextIndex)
    this.#isBehind = this.#reader.cursor < (this.#end ?? log.nextIndex)
    const takesMore = slice.text === '' || this.#write(slice.text)
    counters.countDelivery(slice)
    counters.replayed += slice.replayed
    return this.#isBehind && takesMore
  }

  /** At a heartbeat: whether the client has taken nothing for more than so many of them. */
  isStalled(heartbeats: number): boolean {
    if (this.#isReady) return false
    this.#unread += 1
    return this.#unread > heartbeats
  }

  /** Keeps a quiet response open, and its client's position fresh. Everything before `delivered` was offered. */
  heartbeat(delivered: number, frameAt: (index: number) => Uint8Array): void {
    if (!this.#isReady || this.#isBehind) return
    const now = this.#surroundings.now()
    this.#reader.catchUp(delivered, now)
    const { cursor, isLevel } = this.#reader
    if (isLevel) this.#writeBytes(frameAt(cursor))
    else this.#write(positionFrame(this.#reader.idAt(cursor, now)))
  }

  /** Sends nothing from the log's `index` on. True: nothing is left before it, so that it can be closed. */
  endAt(index: number): boolean {
    this.#end = index
    this.#isBehind = this.#reader.cursor < index
    return !this.#isBehind
  }

  /**
   * Ends the response. Its client is to come back after a random part of half to one and a half times the usual
   * wait, so that those who lost one Pod do not reach the next at once; the next greeting restores the usual wait.
   */
  close(random: number): void {
    this.#isClosed = true
    if (this.#isReady || !this.#isGreeted)
      this.#write(retryFrame(Math.round(this.#surroundings.retryMs * (0.5 + random))))
    this.#sink.close()
    this.#release()
  }

  /** Ends the response at once: its client would not take any more. */
  abort(): void {
    this.leave()
    this.#sink.abort()
  }

  /** Its client is gone. */
  leave(): void {
    this.#isClosed = true
    this.#release()
  }

  /** Bytes that its client has not taken yet; of a shared chunk, its part. */
  get heldBytes(): number {
    const held = this.#held
    return typeof held === 'number' ? held : held.bytes.byteLength / held.holders
  }

  /**
   * The first block carries an id, so that a client that got nothing yet can resume; a gap is told first of all. True: the
   * sink takes the next chunk at once.
   */
  #greet(): boolean {
    this.#isGreeted = true
    const { log, now, retryMs, counters } = this.#surroundings
    // Since its request was answered, the log may have evicted what comes after its position.
    const isLost = this.#reader.skipLost(now())
    this.#isBehind = this.#reader.cursor < (this.#end ?? log.nextIndex)
    const gap = this.#gap ?? (isLost ? 'slow-client' : undefined)
    const id = this.#reader.idAt(this.#reader.cursor, now())
    if (gap !== undefined) counters.gaps[gap] += 1
    return this.#write(
      gap === undefined ? greetingFrame(id, retryMs, this.#isResumed) : gapFrame(id, gap, retryMs),
    )
  }

  #write(text: string): boolean {
    return this.#writeBytes(encoder.encode(text))
  }

  #writeBytes(bytes: Uint8Array): boolean {
    return this.#hand(bytes, bytes.byteLength, false)
  }

  /**
   * Writes to the sink. True: the sink took all of it; otherwise `held` counts until the sink pulls. A body with two
   * pending reads pulls inside `write()`: that pull must stay in effect, so the state changes before the call.
   */
  #hand(bytes: Uint8Array, held: number | Chunk, isShared: boolean): boolean {
    this.#isReady = false
    if (this.#sink.write(bytes, isShared)) {
      this.#isReady = true
      return true
    }
    if (!this.#isReady && !this.#isClosed) this.#hold(held)
    return false
  }

  #hold(held: number | Chunk): void {
    this.#release()
    this.#held = held
    if (typeof held === 'number') this.#surroundings.outputs.add(held)
    else this.#surroundings.outputs.share(held)
  }

  #release(): void {
    const held = this.#held
    if (held === 0) return
    this.#held = 0
    if (typeof held === 'number') this.#surroundings.outputs.remove(held)
    else this.#surroundings.outputs.unshare(held)
  }
}
