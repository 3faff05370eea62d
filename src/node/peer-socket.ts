import { connect, type Socket } from 'node:net'
import { SserError } from '../errors.ts'
import type { Answer, Outgoing } from '../mesh/transport.ts'
import { AnswerParser } from './answer-parser.ts'

/** A server that lets go of quiet connections does so after five seconds, mostly; this side is to be earlier. */
const IDLE_MS = 4_000

interface Exchange {
  parser: AnswerParser
  signal: AbortSignal
  abort: () => void
  resolve: (answer: Answer) => void
  reject: (reason: unknown) => void
}

/** One connection to a peer, for one POST after another. It keeps no process alive while it is idle. */
export class PeerSocket {
  readonly #socket: Socket
  readonly #onIdle: (self: PeerSocket) => void
  readonly #onClose: (self: PeerSocket) => void
  #exchange: Exchange | undefined

  /** `onIdle`: it can take the next request. `onClose`: it never will again. */
  constructor(host: string, onIdle: (self: PeerSocket) => void, onClose: (self: PeerSocket) => void) {
    this.#onIdle = onIdle
    this.#onClose = onClose
    const colon = host.lastIndexOf(':')
    const name = host.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
    this.#socket = connect({ host: name, port: Number(host.slice(colon + 1)), noDelay: true })
    this.#socket.setTimeout(IDLE_MS)
    this.#socket.on('data', (chunk) => this.#take(chunk))
    this.#socket.on('timeout', () => {
      if (this.#exchange === undefined) this.#socket.destroy()
    })
    this.#socket.on('error', (error) => this.#settle()?.reject(error))
    this.#socket.on('close', () => this.#end())
  }

  /** The caller sees to it that the one before is done. */
  post({ host, path, headers, body, maxBytes, signal }: Outgoing): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        this.#socket.destroy()
        reject(signal.reason)
        return
      }
      const abort = () => {
        this.#settle()?.reject(signal.reason)
        this.#socket.destroy()
      }
      this.#exchange = { parser: new AnswerParser(maxBytes), signal, abort, resolve, reject }
      signal.addEventListener('abort', abort, { once: true })
      let head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
      for (const name in headers) head += `${name}: ${headers[name]}\r\n`
      this.#socket.ref()
      // In one piece: two would be two packets.
      this.#socket.write(`${head}\r\n${body}`)
    })
  }

  #take(chunk: Buffer): void {
    // Nobody asked: whatever it is, it must not be taken for the next request's answer.
    if (this.#exchange === undefined) {
      this.#socket.destroy()
      return
    }
    const { parser } = this.#exchange
    try {
      if (parser.feed(chunk)) this.#answer(parser)
    } catch (error) {
      this.#settle()?.reject(error)
      this.#socket.destroy()
    }
  }

  #end(): void {
    this.#onClose(this)
    if (this.#exchange?.parser.end()) this.#answer(this.#exchange.parser)
    else this.#settle()?.reject(new SserError('peer-failed', 'closed the connection without an answer'))
  }

  #answer(parser: AnswerParser): void {
    const exchange = this.#settle()
    if (parser.isReusable) {
      this.#socket.unref()
      this.#onIdle(this)
    } else this.#socket.destroy()
    exchange?.resolve({ status: parser.status, body: parser.body })
  }

  #settle(): Exchange | undefined {
    const exchange = this.#exchange
    exchange?.signal.removeEventListener('abort', exchange.abort)
    this.#exchange = undefined
    return exchange
  }
}
