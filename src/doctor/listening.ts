import { pipeline, type Readable } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  constants as zlib,
} from 'node:zlib'
import { createParser } from 'eventsource-parser'
import type { Answer } from './ask.ts'

/** Event names of the server's own events. */
const KINDS: ReadonlyMap<string, Arrival['kind']> = new Map([
  ['sser-position', 'position'],
  ['sser-gap', 'gap'],
  ['sser-retry', 'retry'],
])

/** An event or a comment. */
export interface Arrival {
  kind: 'position' | 'gap' | 'retry' | 'comment' | 'event'
  /** Milliseconds since the request was sent. */
  ms: number
}

/** Maximum length of an event, in characters. A message has at most 1 MiB, so a longer event is not from sser. */
const MAX_EVENT_LENGTH = 2_097_152
const MAX_EXCERPT_LENGTH = 500
/** So many times of heartbeats are kept. */
const MAX_BEATS = 1_000

/** What comes of one response, and when, in milliseconds since it was asked for. Nothing of it is kept but that. */
export class Listening {
  readonly answer: Answer
  readonly headMs: number
  /** First arrival that is not `sser-retry`. */
  greeting: Arrival | undefined
  last: Arrival | undefined
  /** Of every `sser-position` after the greeting. */
  readonly beats: number[] = []
  /** Between two arrivals, not counting what came before the end. */
  longestSilenceMs = 0
  lastMs: number
  /** How it ended: as HTTP ends a response, or cut off. */
  end: { ms: number; isClean: boolean } | undefined
  readonly #askedAt: number
  /** The beginning of the body, as text. */
  excerpt = ''
  /** More than {@link MAX_EVENT_LENGTH} characters came without an event; the rest of the body is not read. */
  isOversized = false
  readonly #decoder = new TextDecoder()
  readonly #parser = createParser({
    onEvent: ({ event = '' }) => this.#arrive(KINDS.get(event) ?? 'event'),
    onComment: () => this.#arrive('comment'),
  })
  #lengthSinceArrival = 0
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
    if (this.isOversized) return
    const ms = performance.now() - this.#askedAt
    this.longestSilenceMs = Math.max(this.longestSilenceMs, ms - this.lastMs)
    this.lastMs = ms
    const text = this.#decoder.decode(bytes, { stream: true })
    if (this.excerpt.length < MAX_EXCERPT_LENGTH)
      this.excerpt = (this.excerpt + text).slice(0, MAX_EXCERPT_LENGTH)
    // The parser discards lines that are no fields, so its own limit would let endless HTML through.
    this.#lengthSinceArrival += text.length
    this.#parser.feed(text)
    if (this.#lengthSinceArrival > MAX_EVENT_LENGTH) {
      this.isOversized = true
      body.destroy()
    }
    this.#look()
  }

  #arrive(kind: Arrival['kind']): void {
    const arrival = { kind, ms: this.lastMs }
    this.#lengthSinceArrival = 0
    if (this.greeting === undefined && kind !== 'retry') this.greeting = arrival
    else if (kind === 'position' && this.beats.length < MAX_BEATS) this.beats.push(arrival.ms)
    this.last = arrival
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
