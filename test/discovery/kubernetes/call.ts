import type { TLSSocket } from 'node:tls'

/** One request to the {@link ApiServer}, and every way to answer it, or not to. */
export class Call {
  readonly url: URL
  readonly headers: ReadonlyMap<string, string>
  /** When it came, by the test's clock. */
  readonly at: number
  /** Which of the server's connections it came by: 1, 2, 3 … */
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

  /** The version from which it asks. */
  get from(): string | null {
    return this.url.searchParams.get('resourceVersion')
  }

  /** Whom the client's certificate names. */
  get certificate(): string | undefined {
    return this.#socket.getPeerCertificate()?.subject?.CN as string | undefined
  }

  /** Whether nothing more can be sent. */
  get isClosed(): boolean {
    return this.#socket.destroyed || this.#socket.writableEnded
  }

  /** A whole answer; an object goes out as JSON. */
  reply(status: number, body: object | string, headers: Record<string, string> = {}): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    this.#write(this.#head(status, { ...headers, 'content-length': `${Buffer.byteLength(text)}` }) + text)
  }

  /** A Status, as the API server refuses with. */
  refuse(
    code: number,
    more: { message?: string; headers?: Record<string, string>; details?: object } = {},
  ): void {
    const { headers, message = `this is a scripted ${code}`, details } = more
    this.reply(code, { kind: 'Status', status: 'Failure', code, message, details }, headers)
  }

  /** The head of an answer that goes on. */
  open(): this {
    this.#write(this.#head(200, { 'transfer-encoding': 'chunked' }))
    return this
  }

  /** A watch event. */
  send(type: string, object: object): this {
    return this.raw(`${JSON.stringify({ type, object })}\n`)
  }

  /** A piece of a body that was opened, whatever it is. */
  raw(text: string): this {
    this.#write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
    return this
  }

  /** One byte of such a body. */
  byte(value: number): this {
    if (!this.isClosed) this.#socket.write(Buffer.from([0x31, 13, 10, value, 13, 10]))
    return this
  }

  /** Spaces of such a body, in as many chunks. */
  singleBytes(count: number): this {
    this.#write('1\r\n \r\n'.repeat(count))
    return this
  }

  /** Ends a body that was opened, as it should be. */
  end(): void {
    this.#write('0\r\n\r\n')
  }

  /** Closes the connection, whatever is missing. */
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
