import type { TLSSocket } from 'node:tls'

/** One request to the {@link ApiServer}, with methods for every kind of response. */
export class Call {
  readonly url: URL
  readonly headers: ReadonlyMap<string, string>
  /** Time of the request, by the test's clock. */
  readonly at: number
  /** Number of the server's connection: 1, 2, 3 … */
  readonly connection: number
  readonly #socket: TLSSocket
  readonly #date: () => string | undefined
  readonly #reset: () => void

  constructor(options: {
    head: string
    at: number
    connection: number
    socket: TLSSocket
    date: () => string | undefined
    reset: () => void
  }) {
    const [start = '', ...lines] = options.head.split('\r\n')
    this.url = new URL(start.split(' ')[1] ?? '', 'https://api')
    this.headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    this.at = options.at
    this.connection = options.connection
    this.#socket = options.socket
    this.#date = options.date
    this.#reset = options.reset
  }

  get isWatch(): boolean {
    return this.url.searchParams.get('watch') === '1'
  }

  /** The requested version. */
  get from(): string | null {
    return this.url.searchParams.get('resourceVersion')
  }

  /** Common name of the client's certificate. */
  get certificate(): string | undefined {
    return this.#socket.getPeerCertificate()?.subject?.CN as string | undefined
  }

  /** Whether the connection is closed for writing. */
  get isClosed(): boolean {
    return this.#socket.destroyed || this.#socket.writableEnded
  }

  /** Sends a complete response; an object as JSON. */
  reply(status: number, body: object | string, headers: Record<string, string> = {}): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    this.#write(this.#head(status, { ...headers, 'content-length': `${Buffer.byteLength(text)}` }) + text)
  }

  /** Sends a Status, as the API server does for errors. */
  refuse(
    code: number,
    more: { message?: string; headers?: Record<string, string>; details?: object } = {},
  ): void {
    const { headers, message = `this is a scripted ${code}`, details } = more
    this.reply(code, { kind: 'Status', status: 'Failure', code, message, details }, headers)
  }

  /** Sends the head of a chunked response. */
  open(): this {
    this.#write(this.#head(200, { 'transfer-encoding': 'chunked' }))
    return this
  }

  /** Sends a watch event. */
  send(type: string, object: object): this {
    return this.raw(`${JSON.stringify({ type, object })}\n`)
  }

  /** Sends a chunk of an open body. */
  raw(text: string): this {
    this.#write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
    return this
  }

  /** Sends one byte of an open body. */
  byte(value: number): this {
    if (!this.isClosed) this.#socket.write(Buffer.from([0x31, 13, 10, value, 13, 10]))
    return this
  }

  /** Sends `count` spaces of an open body, one per chunk. */
  singleBytes(count: number): this {
    this.#write('1\r\n \r\n'.repeat(count))
    return this
  }

  /** Ends an open body correctly. */
  end(): void {
    this.#write('0\r\n\r\n')
  }

  /** Closes the connection in the middle of the response. */
  cut(): void {
    this.#socket.end()
  }

  /** Closes the connection by RST. */
  reset(): void {
    this.#reset()
  }

  #head(status: number, headers: Record<string, string>): string {
    const date = this.#date()
    const all = { ...(date === undefined ? {} : { date }), 'content-type': 'application/json', ...headers }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    return `HTTP/1.1 ${status} Scripted\r\n${lines.join('')}\r\n`
  }

  #write(text: string): void {
    if (!this.isClosed) this.#socket.write(text)
  }
}
