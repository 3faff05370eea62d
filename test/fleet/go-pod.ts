import { createServer, type Server, type Socket } from 'node:net'
import { RawClient } from '../support/stream-client.ts'

/** Bytes as captured from a running Go Pod (sser at c67b4fc); only the host and the length are filled in. */
const REQUEST =
  'POST /api/json/v1/send HTTP/1.1\r\nHost: HOST\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: LENGTH\r\n' +
  'Content-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n'
const TAKEN = 'HTTP/1.1 200 OK\r\nDate: Tue, 11 Jun 2024 10:00:00 GMT\r\nContent-Length: 0\r\n\r\n'
const NOT_FOUND =
  'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n' +
  'Date: Tue, 11 Jun 2024 10:00:00 GMT\r\nContent-Length: 19\r\n\r\n404 page not found\n'

export interface Answer {
  status: number
  head: string
  body: string
}

/** The sending half: one keep-alive connection to one peer, one POST after another. */
export class GoSender {
  readonly raw: RawClient
  readonly #host: string

  private constructor(raw: RawClient, host: string) {
    this.raw = raw
    this.#host = host
  }

  static async open(host: string): Promise<GoSender> {
    return new GoSender(await RawClient.open(`http://${host}`), host)
  }

  /** Sends an event as Go's `json.Marshal` writes it. */
  send(stream: string, msg: string): Promise<Answer> {
    return this.post(
      JSON.stringify({ stream, msg }).replace(/[<>&\u2028\u2029]/g, (char) => {
        return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
      }),
    )
  }

  /** Posts these bytes, and reads exactly one answer: a byte too many stays and spoils the next. */
  async post(body: string): Promise<Answer> {
    const length = Buffer.byteLength(body)
    this.raw.socket.write(REQUEST.replace('HOST', this.#host).replace('LENGTH', String(length)) + body)
    const text = await this.raw.holds('an answer', (bytes) => messageLength(bytes) !== undefined)
    const head = text.slice(0, text.indexOf('\r\n\r\n'))
    const end = messageLength(text) as number
    this.raw.bytes = this.raw.bytes.subarray(end)
    return { status: Number(head.split(' ')[1]), head, body: text.slice(head.length + 4, end) }
  }
}

/** The receiving half: knows v1 and nothing else. */
export class GoReceiver {
  readonly host: string
  /** v1 bodies, in order of arrival. */
  readonly bodies: string[] = []
  /** The paths of everything else. */
  readonly unknownRequests: string[] = []
  /** Connections that ever carried a v1 POST. */
  readonly connections = new Set<Socket>()
  /** The most v1 POSTs that were ever unanswered at once. */
  atOnce = 0
  /** Time until an answer, in milliseconds; a Go Pod needs a fraction of one. */
  delayMs = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #open = 0

  private constructor(host: string) {
    this.host = host
    this.#server = createServer((socket) => this.#serve(socket))
  }

  static async listen(address: string, port: number): Promise<GoReceiver> {
    const receiver = new GoReceiver(`${address}:${port}`)
    await new Promise<void>((resolve, reject) => {
      receiver.#server.once('error', reject)
      receiver.#server.listen(port, address, resolve)
    })
    return receiver
  }

  get messages(): string[] {
    return this.bodies.map((body) => (JSON.parse(body) as { msg: string }).msg)
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    let bytes = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      for (let end = messageLength(bytes.toString('latin1')); end !== undefined; ) {
        this.#take(bytes.subarray(0, end).toString(), socket)
        bytes = bytes.subarray(end)
        end = messageLength(bytes.toString('latin1'))
      }
    })
  }

  #take(request: string, socket: Socket): void {
    const [, method, path] = /^(\S+) (\S+) HTTP\/1\.1\r\n/.exec(request) ?? []
    if (path !== '/api/json/v1/send') {
      this.unknownRequests.push(`${method} ${path}`)
      socket.write(NOT_FOUND)
      return
    }
    this.connections.add(socket)
    this.bodies.push(request.slice(request.indexOf('\r\n\r\n') + 4))
    this.#open += 1
    this.atOnce = Math.max(this.atOnce, this.#open)
    const answer = () => {
      this.#open -= 1
      socket.write(TAKEN)
    }
    if (this.delayMs > 0) setTimeout(answer, this.delayMs)
    else answer()
  }
}

/** Bytes of the first HTTP message in `text`; undefined while some are missing. */
function messageLength(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0)
  return text.length >= end + 4 + length ? end + 4 + length : undefined
}
