import { positionFrame, retryFrame } from '../wire/frame.ts'
import { printPosition } from '../wire/position.ts'
import type { Batch } from './batch.ts'
import type { Log } from './log.ts'
import { SliceWriter } from './slice.ts'

/** Where a connection's bytes go. */
export interface Sink {
  /** Takes one chunk; the sink then asks for the next through {@link Connection.pull}. */
  write(chunk: Uint8Array): void
  /** Ends the response after what was written. */
  close(): void
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
  readonly #sink: Sink
  readonly #log: Log
  readonly #now: () => number
  readonly #retryMs: number
  #cursor: number
  #greeted = false
  #behind = false
  #ready = false

  constructor(options: {
    streams: readonly string[]
    sink: Sink
    log: Log
    now: () => number
    retryMs: number
  }) {
    this.streams = options.streams
    this.key = options.streams.join('\n')
    this.#sink = options.sink
    this.#log = options.log
    this.#now = options.now
    this.#retryMs = options.retryMs
    this.#cursor = options.log.head
  }

  /** The sink wants a chunk. */
  pull(): void {
    this.#ready = true
    if (!this.#greeted) this.#greet()
    else if (this.#behind) this.#catchUp()
  }

  /** A batch of new events; a connection that is not level leaves it for later. */
  offer(batch: Batch): void {
    if (this.#behind || this.#cursor >= batch.to) return
    if (!this.#ready || this.#cursor > batch.from) {
      this.#behind = true
      this.#cursor = Math.max(this.#cursor, batch.from)
      if (this.#ready) this.#catchUp()
      return
    }
    this.#cursor = batch.to
    const chunk = batch.chunk(this.key, this.streams)
    if (chunk !== undefined) this.#write(chunk)
  }

  /** Keeps a quiet response open, and its client's position fresh. Everything before `delivered` was offered. */
  heartbeat(delivered: number, frameAt: (index: number) => Uint8Array): void {
    if (this.#ready && !this.#behind) this.#write(frameAt(Math.max(this.#cursor, delivered)))
  }

  close(): void {
    this.#sink.close()
  }

  /** The first block carries an id, so that a client that got nothing yet can resume. */
  #greet(): void {
    this.#greeted = true
    const id = printPosition(this.#log.positionAt(this.#cursor, this.#now()))
    this.#write(encoder.encode(retryFrame(this.#retryMs) + positionFrame(id)))
  }

  #catchUp(): void {
    const slice = new SliceWriter(this.#log, this.#now())
    this.#cursor = slice.read(this.streams, this.#cursor)
    this.#behind = this.#cursor < this.#log.head
    if (slice.text !== '') this.#write(encoder.encode(slice.text))
  }

  #write(chunk: Uint8Array): void {
    this.#ready = false
    this.#sink.write(chunk)
  }
}
