import { Chunk } from '../delivery/chunk.ts'
import { Connection, type ConnectionOptions } from '../delivery/connection.ts'
import { formatChunkId, formatEndId, type RunId } from '../wire/runs.ts'
import {
  block,
  eventFrame,
  type FrameFormat,
  type GapReason,
  gapFrame,
  positionFrame,
  type RetryReason,
} from '../wire/sse-frame.ts'
import type { RunEnded, RunReader, RunSlice } from './run-reader.ts'

/** A write ends with the slice that reaches this length, in UTF-16 units. */
const WRITE_UNITS = 65_536
const NO_STREAMS: readonly string[] = []

export interface RunConnectionOptions extends ConnectionOptions {
  reader: RunReader
  /** The frames that the connections of this Pod share. */
  frames: RunFrames
  format: FrameFormat
  /** Reason of a gap with which the reader begins because of its client's id. */
  gap: GapReason | undefined
  /** The run has something new for the connection, and its sink has asked for a chunk. */
  onNews(connection: RunConnection): void
}

/**
 * A connection that reads a run: a cursor over the copy of this Pod. It ends with the run. A client that would take any end of
 * the body for the end of the run, because it receives no events of the server, sees the body break off in all other cases.
 */
export class RunConnection extends Connection {
  readonly #reader: RunReader
  readonly #frames: RunFrames
  readonly #gap: GapReason | undefined
  readonly #onNews: (connection: RunConnection) => void
  protected readonly format: FrameFormat
  /** True if the reader may have something that was not written. */
  #isBehind = true
  #end: RunEnded | undefined
  #runId: RunId

  constructor(options: RunConnectionOptions) {
    super(options)
    this.#reader = options.reader
    this.#frames = options.frames
    this.#gap = options.gap
    this.#runId = options.reader.id
    this.#onNews = options.onNews
    this.format = options.format
    this.#reader.follow(() => this.#onChange())
  }

  get streams(): readonly string[] {
    return NO_STREAMS
  }

  /** It has to receive no entry of the log. */
  get liveFrom(): number {
    return Number.POSITIVE_INFINITY
  }

  get canClose(): boolean {
    // A body that breaks off would take the chunks with it that its sink still holds.
    return this.#end !== undefined && !this.isClosed && (this.isReady || !this.format.isPlain)
  }

  override get outlastsDrain(): boolean {
    return this.format.isPlain
  }

  closeAt(): boolean {
    return true
  }

  protected onReady(): boolean {
    return this.#isBehind
  }

  #onChange(): void {
    if (this.#isBehind) return
    this.#isBehind = true
    if (this.isReady) this.#onNews(this)
  }

  catchUp(): boolean {
    if (!this.isReady || !this.#isBehind) return false
    let text = ''
    let slice = this.#read()
    if (!this.isPreambleSent) {
      text = this.#firstBlock(slice)
      if (slice?.type === 'gap') slice = this.#read()
    }
    for (; slice !== undefined && slice.type !== 'end'; slice = this.#read()) {
      const frame = this.#frameOf(slice)
      text = text === '' ? frame : text + frame
      if (text.length >= WRITE_UNITS) break
    }
    const takesMore = text === '' || this.#write(text)
    return this.#isBehind && takesMore
  }

  heartbeat(): void {
    if (this.isReady && !this.#isBehind) this.writeText(this.format.own(positionFrame(undefined)))
  }

  /** The body of a client in the plain dialect ends with the run alone. */
  override close(random: number, reason: RetryReason): void {
    const end = this.#end
    this.#reader.close()
    const { isPlain } = this.format
    if (end === undefined) {
      if (isPlain) this.breakOff('')
      else super.close(random, reason)
      return
    }
    const isLost = end.state === 'lost'
    const id = formatEndId({ next: this.#reader.cursor, check: this.#reader.check, isLost })
    const text = this.format.own(runEndFrame(end.state, end.reason, isPlain ? undefined : id))
    if (isPlain && (isLost || end.state === 'failed')) this.breakOff(text)
    else this.finish(text)
  }

  override discard(): void {
    super.discard()
    this.#reader.close()
  }

  #write(text: string): boolean {
    const chunk = this.#frames.chunkOf(text)
    return chunk === undefined ? this.writeText(text) : this.writeChunk(chunk)
  }

  /** The next slice. Without one, the connection is not behind. */
  #read(): RunSlice | undefined {
    const slice = this.#reader.read(WRITE_UNITS)
    if (slice === undefined || slice.type === 'end') this.#isBehind = false
    if (slice?.type === 'end') this.#end = slice
    return slice
  }

  /** The first block; `slice` is the first one that was read, and may be a gap. */
  #firstBlock(slice: RunSlice | undefined): string {
    const id = this.#idAt(slice?.type === 'chunks' ? slice.from : this.#reader.cursor)
    return this.preamble(id, slice?.type === 'gap' ? (this.#gap ?? this.#gapReason()) : undefined)
  }

  #frameOf(slice: Exclude<RunSlice, { type: 'end' }>): string {
    const { counters } = this.context
    if (slice.type === 'chunks') {
      counters.runs.delivered += slice.chunks.length
      return this.#frames.textOf(this.#reader, slice)
    }
    if (slice.type !== 'gap')
      return this.format.own(slice.type === 'interrupted' ? INTERRUPTED_FRAME : RESUMED_FRAME)
    const reason = this.#gapReason()
    counters.gaps[reason] += 1
    return this.format.own(gapFrame(this.#idAt(slice.index), reason))
  }

  #gapReason(): GapReason {
    const isOther = this.#runId !== this.#reader.id
    this.#runId = this.#reader.id
    return isOther ? 'superseded' : 'trimmed'
  }

  /** The id of a client that has all chunks before `index`; undefined where that is none. */
  #idAt(index: number): string | undefined {
    return index === 0 ? undefined : formatChunkId(index - 1, this.#reader.check)
  }
}

/** Nothing arrives from the producer's Pod, which may return. */
const INTERRUPTED_FRAME: string = block('sser-interrupted', '{}')

/** The producer's Pod is back. */
const RESUMED_FRAME: string = block('sser-resumed', '{}')

/** The last block of a run's response. Without an id where clients receive the server's blocks as comments. */
function runEndFrame(state: RunEnded['state'], reason: string | undefined, id: string | undefined): string {
  return block('sser-end', JSON.stringify({ state, reason }), undefined, id)
}

type Chunks = Extract<RunSlice, { type: 'chunks' }>

/** The frames of one slice. */
interface Latest {
  id: RunId
  from: number
  count: number
  text: string
  /** Set once a connection has asked for it. */
  chunk: Chunk | undefined
}

/**
 * Frames of chunks. Readers of one run that are caught up read the same slice one after another, so its frames are kept until
 * the next slice: each chunk is formatted once, and encoded once where several connections receive it.
 */
export class RunFrames {
  #latest: Latest = { id: '', from: 0, count: 0, text: '', chunk: undefined }

  /** The frames of a slice that `reader` has read. */
  textOf({ id, check }: RunReader, { from, chunks }: Chunks): string {
    const latest = this.#latest
    if (latest.id === id && latest.from === from && latest.count === chunks.length) return latest.text
    let text = ''
    for (const [i, msg] of chunks.entries()) text += eventFrame({ id: formatChunkId(from + i, check), msg })
    this.#latest = { id, from, count: chunks.length, text, chunk: undefined }
    return text
  }

  /** The text as a chunk, which the connections share that get exactly this text; undefined where it is not the latest one. */
  chunkOf(text: string): Chunk | undefined {
    const latest = this.#latest
    if (text !== latest.text) return undefined
    if (latest.chunk === undefined) latest.chunk = new Chunk(text, latest.count, undefined)
    else latest.chunk.encoded()
    return latest.chunk
  }
}
