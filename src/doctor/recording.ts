import { pipeline, type Readable } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  constants as zlib,
} from 'node:zlib'
import { createParser } from 'eventsource-parser'
import type { HttpResponse } from './request.ts'

/** Kinds by the names of sser's own events. */
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
const MAX_HEARTBEATS = 1_000

/** Records when the parts of one response arrive, in milliseconds since the request. It keeps no events. */
export class Recording {
  readonly response: HttpResponse
  readonly headMs: number
  /** First arrival other than `sser-retry`. */
  firstEvent: Arrival | undefined
  last: Arrival | undefined
  /** Times of the `sser-position` events after the first event; at most {@link MAX_HEARTBEATS}. */
  readonly heartbeats: number[] = []
  /** The longest time between two chunks; the time between the last chunk and the end does not count. */
  longestSilenceMs = 0
  lastMs: number
  /** `isClean`: HTTP completed the response; otherwise the connection was cut. */
  end: { ms: number; isClean: boolean } | undefined
  /** The beginning of the body, as text. */
  excerpt = ''
  /** More than {@link MAX_EVENT_LENGTH} characters came without an event; the rest of the body is not read. */
  isOversized = false
  readonly #sentAt: number
  readonly #decoder = new TextDecoder()
  readonly #parser = createParser({
    onEvent: ({ event = '' }) => this.#record(KINDS.get(event) ?? 'event'),
    onComment: () => this.#record('comment'),
  })
  #unrecordedLength = 0
  #onProgress: () => void = () => {}

  constructor(response: HttpResponse, sentAt: number) {
    this.response = response
    this.#sentAt = sentAt
    this.headMs = response.headAt - sentAt
    this.lastMs = this.headMs
    const body = decompressed(response)
    body.on('data', (bytes: Uint8Array) => this.#read(bytes, body))
    body.on('end', () => this.#finish(true))
    body.on('error', () => this.#finish(false))
    body.on('close', () => this.#finish(false))
  }

  /** Waits until `test` returns true, the response ends, or `ms` milliseconds pass; resolves with `test()`. */
  until(test: () => boolean, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer)
        this.#onProgress = () => {}
        resolve(test())
      }
      const timer = setTimeout(settle, ms)
      this.#onProgress = () => {
        if (test() || this.end !== undefined) settle()
      }
      this.#onProgress()
    })
  }

  /** Waits until the response ends, or `ms` milliseconds pass. */
  async untilEnd(ms: number): Promise<void> {
    await this.until(() => false, ms)
  }

  #read(bytes: Uint8Array, body: Readable): void {
    if (this.isOversized) return
    const ms = performance.now() - this.#sentAt
    this.longestSilenceMs = Math.max(this.longestSilenceMs, ms - this.lastMs)
    this.lastMs = ms
    const text = this.#decoder.decode(bytes, { stream: true })
    if (this.excerpt.length < MAX_EXCERPT_LENGTH)
      this.excerpt = (this.excerpt + text).slice(0, MAX_EXCERPT_LENGTH)
    // The parser discards lines without a field name, so its own limit would not stop an endless HTML page.
    this.#unrecordedLength += text.length
    this.#parser.feed(text)
    if (this.#unrecordedLength > MAX_EVENT_LENGTH) {
      this.isOversized = true
      body.destroy()
    }
    this.#onProgress()
  }

  #record(kind: Arrival['kind']): void {
    const arrival = { kind, ms: this.lastMs }
    this.#unrecordedLength = 0
    if (this.firstEvent === undefined && kind !== 'retry') this.firstEvent = arrival
    else if (kind === 'position' && this.heartbeats.length < MAX_HEARTBEATS) this.heartbeats.push(arrival.ms)
    this.last = arrival
  }

  #finish(isClean: boolean): void {
    this.end ??= { ms: performance.now() - this.#sentAt, isClean }
    this.#onProgress()
  }
}

/** The content codings that the doctor accepts, the same as in browsers. */
const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: () => createGunzip({ finishFlush: zlib.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ finishFlush: zlib.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: zlib.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
}

function decompressed({ body, headers }: HttpResponse): Readable {
  const decoder = DECODERS[(headers.get('content-encoding') ?? '').trim().toLowerCase()]
  // The decoder emits its errors to the listeners of the recording; `pipeline()` requires a callback.
  return decoder === undefined ? body : (pipeline(body, decoder(), () => {}) as unknown as Readable)
}
