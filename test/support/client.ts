import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { until, within } from './until.ts'

/** A client of one event stream. It reads when told to; frames are judged by `eventsource-parser`. */
export class Client {
  /** Every event, Sser's own `sser-position` and `sser-gap` included. */
  readonly all: EventSourceMessage[] = []
  /** The bytes as they came, read by read. */
  readonly chunks: Uint8Array[] = []
  readonly retries: number[] = []
  /** Errors of the parser. */
  readonly errors: unknown[] = []
  /** The response has ended. */
  ended = false
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  readonly #parser = createParser({
    onEvent: (event) => this.all.push(event),
    onRetry: (ms) => this.retries.push(ms),
    onError: (error) => this.errors.push(error),
    onComment: (comment) => this.errors.push(`comment: ${comment}`),
  })
  #reading: Promise<void> | undefined

  constructor(body: Response | ReadableStream<Uint8Array> | null) {
    const stream = body instanceof Response ? body.body : body
    if (stream === null) throw new Error('There is no body to read')
    this.#reader = stream.getReader()
  }

  /** The events that were sent, without Sser's own. */
  get events(): EventSourceMessage[] {
    return this.all.filter(({ event }) => !event?.startsWith('sser-'))
  }

  /** The messages of {@link events}. */
  get messages(): string[] {
    return this.events.map(({ data }) => data)
  }

  get gaps(): EventSourceMessage[] {
    return this.all.filter(({ event }) => event === 'sser-gap')
  }

  /** The `Last-Event-ID` that a browser would send. */
  get lastEventId(): string | undefined {
    return this.all.findLast(({ id }) => id !== undefined)?.id
  }

  /** Reads one chunk. */
  async read(): Promise<void> {
    await within('the next chunk', this.#read())
  }

  /** Reads until the response ends or {@link cancel} is called. */
  flow(): this {
    const pump = async () => {
      while (!this.ended) await this.#read()
    }
    pump().catch((error: unknown) => {
      this.errors.push(error)
      this.ended = true
    })
    return this
  }

  /** Waits, in real time, until that many events came. */
  async receives(count: number): Promise<void> {
    await until(`${count} events`, () => this.events.length >= count)
  }

  async cancel(): Promise<void> {
    this.ended = true
    await this.#reader.cancel()
  }

  #read(): Promise<void> {
    // A read that came to nothing is taken up again: none is ever lost.
    this.#reading ??= this.#reader.read().then(({ done, value }) => {
      this.#reading = undefined
      if (done) this.ended = true
      if (value === undefined) return
      this.chunks.push(value)
      this.#parser.feed(this.#decoder.decode(value, { stream: true }))
    })
    return this.#reading
  }
}
