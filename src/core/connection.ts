import { type GapReason, gapFrame, positionFrame, retryFrame } from '../wire/frame.ts'
import type { Batch } from './batch.ts'
import type { Log } from './log.ts'
import type { Reader } from './reader.ts'

/** Where a connection's bytes go. */
export interface Sink {
  /** Takes one chunk; the sink then asks for the next through {@link Connection.pull}. */
  write(chunk: Uint8Array): void
  /** Ends the response after what was written. */
  close(): void
}

export interface ConnectionOptions {
  streams: readonly string[]
  reader: Reader
  /** Why the client may have missed events, as far as is known at the start. */
  gap: GapReason | undefined
  sink: Sink
  log: Log
  now: () => number
  retryMs: number
}

const encoder = new TextEncoder()

/**
 * One client's open response: a cursor over the log and no queue of its own. While it is level with the hub, it
 * takes the hub's shared chunks. When a chunk comes before its sink asked for one, it falls behind; then it reads
 * the log by itself, a slice for each pull, until it is level again.
 */
export class Connection {
  readonly streams: readonly string[]
  /** The same for connections that listen on the same streams. */
  readonly key: string
  /** Which beat of the heartbeat it takes part in. */
  beat = 0
  readonly #options: ConnectionOptions
  readonly #reader: Reader
  #isGreeted = false
  #isBehind: boolean
  #isReady = false
  #isClosed = false

  constructor(options: ConnectionOptions) {
    this.streams = options.streams
    this.key = options.streams.join('\n')
    this.#options = options
    this.#reader = options.reader
    this.#isBehind = options.reader.cursor < options.log.head
  }

  /** The sink wants a chunk. */
  pull(): void {
    if (this.#isClosed) return
    this.#isReady = true
    if (!this.#isGreeted) this.#greet()
    else if (this.#isBehind) this.#catchUp()
  }

  /** A batch of new events; a connection that is not level leaves it for later. */
  offer(batch: Batch): void {
    const reader = this.#reader
    if (this.#isBehind || reader.cursor >= batch.to) return
    if (this.#isReady && reader.isLevel && reader.cursor <= batch.from) {
      reader.cursor = batch.to
      const chunk = batch.chunk(this.key, this.streams)
      if (chunk !== undefined) this.#write(chunk)
      return
    }
    this.#isBehind = true
    reader.catchUp(batch.from, this.#options.now())
    if (this.#isReady) this.#catchUp()
  }

  /** Keeps a quiet response open, and its client's position fresh. Everything before `delivered` was offered. */
  heartbeat(delivered: number, frameAt: (index: number) => Uint8Array): void {
    if (!this.#isReady || this.#isBehind) return
    const now = this.#options.now()
    this.#reader.catchUp(delivered, now)
    const { cursor, isLevel } = this.#reader
    this.#write(isLevel ? frameAt(cursor) : encoder.encode(positionFrame(this.#reader.idAt(cursor, now))))
  }

  /**
   * Ends the response. Its client is to come back after a random part of half to one and a half times the usual
   * wait, so that those who lost one Pod do not reach the next at once; the next greeting restores the usual wait.
   */
  close(random: number): void {
    this.#isClosed = true
    const { retryMs, sink } = this.#options
    if (this.#isReady) this.#write(encoder.encode(retryFrame(Math.round(retryMs * (0.5 + random)))))
    sink.close()
  }

  /** The first block carries an id, so that a client that got nothing yet can resume; a gap is told first of all. */
  #greet(): void {
    this.#isGreeted = true
    const { gap, now, retryMs } = this.#options
    const id = this.#reader.idAt(this.#reader.cursor, now())
    this.#write(
      encoder.encode(retryFrame(retryMs) + (gap === undefined ? positionFrame(id) : gapFrame(id, gap))),
    )
  }

  #catchUp(): void {
    while (this.#isBehind && this.#isReady) {
      const text = this.#reader.slice(this.#options.now())
      this.#isBehind = this.#reader.cursor < this.#options.log.head
      if (text !== '') this.#write(encoder.encode(text))
    }
  }

  #write(chunk: Uint8Array): void {
    this.#isReady = false
    this.#options.sink.write(chunk)
  }
}
