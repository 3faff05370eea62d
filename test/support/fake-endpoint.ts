/** One request that a client under test has sent; the test answers it. */
export class FakeRequest {
  readonly url: URL
  readonly headers: Headers
  readonly init: RequestInit
  readonly response: Promise<Response>
  readonly #settle = Promise.withResolvers<Response>()
  #isCancelled = false
  #body: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(url: string, init: RequestInit) {
    this.url = new URL(url, 'http://pod.test')
    this.headers = new Headers(init.headers)
    this.init = init
    this.response = this.#settle.promise
    init.signal?.addEventListener('abort', () => this.fail(init.signal?.reason))
  }

  get streams(): string[] {
    return this.url.searchParams.getAll('stream')
  }

  get lastEventId(): string | null {
    return this.headers.get('last-event-id')
  }

  /** True if the client has given up the request, or the response. */
  get isAborted(): boolean {
    return this.#isCancelled || this.init.signal?.aborted === true
  }

  /** Number of writes that the client has not read. */
  get pending(): number {
    return 1 - (this.#body?.desiredSize ?? 1)
  }

  /** Answers with an event stream, and its first text. */
  open(text: string | Uint8Array = '', headers: Record<string, string> = {}): this {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller
      },
      cancel: () => {
        this.#isCancelled = true
      },
    })
    this.answer(200, body, { 'content-type': 'text/event-stream; charset=utf-8', ...headers })
    return this.write(text)
  }

  answer(status: number, body: BodyInit | null = null, headers: Record<string, string> = {}): void {
    this.#settle.resolve(new Response(body, { status, headers }))
  }

  write(text: string | Uint8Array): this {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
    if (bytes.length > 0 && !this.isAborted) this.#body?.enqueue(bytes)
    return this
  }

  /** Ends the response cleanly. */
  end(): void {
    this.#body?.close()
  }

  /** Breaks the connection. */
  fail(error: unknown = new TypeError('network error')): void {
    this.#settle.reject(error)
    try {
      this.#body?.error(error)
    } catch {
      // It had ended.
    }
  }
}

/** A `fetch` whose requests a test answers one by one. */
export class FakeEndpoint {
  readonly requests: FakeRequest[] = []

  readonly fetch = (url: string, init: RequestInit): Promise<Response> => {
    const request = new FakeRequest(url, init)
    this.requests.push(request)
    return request.response
  }

  /** The newest request. */
  get last(): FakeRequest {
    const request = this.requests.at(-1)
    if (request === undefined) throw new Error('The client has sent no request')
    return request
  }
}

/** The first block of a response. */
export function preamble(id: string, resumed = false): string {
  return `event: sser-position\nretry: 2000\ndata: {"resumed":${resumed}}\nid: ${id}\n\n`
}

/** The block of an event whose payload is JSON. */
export function eventBlock(stream: string, value: unknown, id: string, event?: string): string {
  return `stream: ${stream}\n${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(value)}\nid: ${id}\n\n`
}
