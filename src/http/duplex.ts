/** A request's body and the body of its response, both open: each side writes one of them and reads the other. */
export interface Duplex {
  /** Writes UTF-8. Never blocks and never throws. */
  write(text: string): void
  /** Bytes that were written and that the network has not taken. */
  readonly bufferedBytes: number
  /** Ends the written body, after all that was written. */
  end(): void
  /** Ends both bodies at once; bytes that the network has not taken are lost. */
  destroy(reason: unknown): void
  /** Begins to read. To be called once. */
  read(reader: DuplexReader): void
}

/** Receives the body that a {@link Duplex} reads. */
export interface DuplexReader {
  /** Takes bytes, which are valid during the call. No more are read until a returned promise resolves. */
  onBytes(bytes: Uint8Array): Promise<void> | undefined
  /** Called once, and nothing after it. Without an error the body has ended; with one it broke off. */
  onEnd(error?: unknown): void
}

/**
 * The first byte of both bodies: an empty line. HTTP clients send a head with the first bytes of the body, and proxies
 * pass it on with these.
 */
export const FIRST_BYTE = '\n'

const encoder = new TextEncoder()

/** A {@link Duplex} of web streams, for runtimes without anything leaner. */
export class WebDuplex implements Duplex {
  /** The written body. */
  readonly written: ReadableStream<Uint8Array<ArrayBuffer>>
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>
  readonly #cut: (reason: unknown) => void
  #source: ReadableStreamDefaultReader<Uint8Array> | undefined
  /** True if no more can be written. */
  #isEnded = false
  #isRead = false

  /** `cut` cuts the connection, because runtimes do not do so wherever a body has ended or broken off. */
  constructor(cut: (reason: unknown) => void = () => {}) {
    this.#cut = cut
    this.written = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller
        },
        cancel: () => {
          this.#isEnded = true
        },
      },
      { highWaterMark: 0, size: (bytes) => bytes?.byteLength ?? 0 },
    )
    this.write(FIRST_BYTE)
  }

  /** Sets the body to read. */
  from(body: ReadableStream<Uint8Array>): this {
    this.#source = body.getReader()
    return this
  }

  get bufferedBytes(): number {
    return -(this.#controller.desiredSize ?? 0)
  }

  write(text: string): void {
    this.#whileOpen(() => this.#controller.enqueue(encoder.encode(text)))
  }

  end(): void {
    this.#whileOpen(() => this.#controller.close())
    this.#isEnded = true
    // A client of Node would not send this end after that of the response.
    if (this.#isRead) this.#cut(new Error('Both bodies have ended'))
  }

  destroy(reason: unknown): void {
    this.#whileOpen(() => this.#controller.error(reason))
    this.#isEnded = true
    this.#source?.cancel(reason).catch(() => {})
    this.#cut(reason)
  }

  read(reader: DuplexReader): void {
    this.#read(reader).then(
      () => {
        this.#isRead = true
        reader.onEnd()
        if (this.#isEnded) this.#cut(new Error('Both bodies have ended'))
      },
      (error: unknown) => reader.onEnd(error),
    )
  }

  /** Bun closes the stream of a request by itself when the response has ended. */
  #whileOpen(call: () => void): void {
    if (this.#isEnded) return
    try {
      call()
    } catch {
      this.#isEnded = true
    }
  }

  async #read(reader: DuplexReader): Promise<void> {
    for (;;) {
      const { done, value } = (await this.#source?.read()) ?? { done: true }
      if (done || value === undefined) return
      const wait = reader.onBytes(value)
      if (wait !== undefined) await wait
    }
  }
}

/** The headers of a response whose body stays open. */
type ResponseHeaders = Readonly<Record<string, string>>

/** An answered request whose bodies stay open, and the response to return from `fetch`. */
export interface AcceptedDuplex {
  duplex: Duplex
  response: Response
}

/** The second argument that runtimes hand to an app; `serve()` and `join()` add their own way to answer. */
interface Env {
  acceptDuplex?: (headers: ResponseHeaders) => AcceptedDuplex | undefined
}

/** Answers a request with 200 and an open body. */
export function acceptDuplex(request: Request, env: unknown, headers: ResponseHeaders): AcceptedDuplex {
  const accepted = ((env ?? {}) as Env).acceptDuplex?.(headers)
  if (accepted !== undefined) return accepted
  const duplex = new WebDuplex()
  if (request.body !== null) duplex.from(request.body)
  return { duplex, response: new Response(duplex.written, { headers }) }
}
