import { pipeline, type Readable } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  constants as zlib,
} from 'node:zlib'
import type { Answer } from './ask.ts'
import { type Block, BlockReader } from './blocks.ts'

/** So many times of heartbeats are kept. */
const MAX_BEATS = 1_000

/** What comes of one response, and when, in milliseconds since it was asked for. Nothing of it is kept but that. */
export class Listening {
  readonly answer: Answer
  readonly headMs: number
  /** The first block, and the first that does more than set the reconnection time. */
  first: (Block & { ms: number }) | undefined
  greeting: (Block & { ms: number }) | undefined
  last: Block | undefined
  /** Of every `sser-position` after the greeting. */
  readonly beats: number[] = []
  /** Between two arrivals, not counting what came before the end. */
  longestSilenceMs = 0
  lastMs: number
  /** How it ended: as HTTP ends a response, or cut off. */
  end: { ms: number; isClean: boolean } | undefined
  readonly #askedAt: number
  readonly #reader = new BlockReader()
  #look: () => void = () => {}

  constructor(answer: Answer, askedAt: number) {
    this.answer = answer
    this.#askedAt = askedAt
    this.headMs = answer.headAt - askedAt
    this.lastMs = this.headMs
    const body = decoded(answer)
    body.on('data', (bytes: Uint8Array) => this.#take(bytes, body))
    body.on('end', () => this.#finish(true))
    body.on('error', () => this.#finish(false))
    body.on('close', () => this.#finish(false))
  }

  /** What comes is no event stream, and was not read any further. */
  get isEndless(): boolean {
    return this.#reader.isEndless
  }

  /** How what comes begins, where it is not in blocks. */
  get rest(): string {
    return this.#reader.rest
  }

  /** Whether `test` came to hold within `ms`, or before the end. */
  until(test: () => boolean, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer)
        this.#look = () => {}
        resolve(test())
      }
      const timer = setTimeout(settle, ms)
      this.#look = () => {
        if (test() || this.end !== undefined) settle()
      }
      this.#look()
    })
  }

  #take(bytes: Uint8Array, body: Readable): void {
    const ms = performance.now() - this.#askedAt
    this.longestSilenceMs = Math.max(this.longestSilenceMs, ms - this.lastMs)
    this.lastMs = ms
    for (const block of this.#reader.read(bytes)) {
      this.first ??= { ...block, ms }
      if (this.greeting === undefined && block.kind !== 'retry') this.greeting = { ...block, ms }
      else if (block.kind === 'position' && this.beats.length < MAX_BEATS) this.beats.push(ms)
      this.last = block
    }
    if (this.#reader.isEndless) body.destroy()
    this.#look()
  }

  #finish(isClean: boolean): void {
    this.end ??= { ms: performance.now() - this.#askedAt, isClean }
    this.#look()
  }
}

/** The encodings that the doctor offers and reads, as browsers do. */
const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: () => createGunzip({ finishFlush: zlib.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ finishFlush: zlib.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: zlib.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
}

function decoded({ body, headers }: Answer): Readable {
  const decoder = DECODERS[(headers.get('content-encoding') ?? '').trim().toLowerCase()]
  // Whoever listens to it hears of its errors; the callback is there to be one.
  return decoder === undefined ? body : (pipeline(body, decoder(), () => {}) as unknown as Readable)
}
