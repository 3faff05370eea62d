import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type AcceptedDuplex, type Duplex, type DuplexReader, FIRST_BYTE } from '../../http/duplex.ts'

/** Time in which the rest of an ended body must have been taken, in milliseconds. */
const END_MS = 5_000

/**
 * A {@link Duplex} of Node's own messages. It writes chunks to the socket itself, because Node's writes each of them in four
 * parts, and streams of the web above it cost as much again.
 */
export class NodeDuplex implements Duplex {
  readonly #written: ClientRequest | ServerResponse
  readonly #read: IncomingMessage
  readonly #socket: Socket
  #isEnded = false

  /** The head of `written` has been sent, and declares chunks. */
  constructor(written: ClientRequest | ServerResponse, read: IncomingMessage) {
    this.#written = written
    this.#read = read
    this.#socket = read.socket
    written.on('error', ignore)
    read.on('error', ignore)
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  write(text: string): void {
    if (this.#isEnded || this.#socket.destroyed) return
    this.#socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#written.end()
    if (this.#written.writableFinished) return
    const timer = setTimeout(() => this.#socket.destroy(), END_MS)
    timer.unref()
    this.#written.once('close', () => clearTimeout(timer))
    this.#written.once('finish', () => clearTimeout(timer))
  }

  destroy(): void {
    this.#isEnded = true
    this.#socket.destroy()
  }

  read(reader: DuplexReader): void {
    const body = this.#read
    let isOver = false
    const end = (error?: Error) => {
      if (isOver) return
      isOver = true
      reader.onEnd(error)
    }
    body.on('data', (bytes: Buffer) => {
      const wait = reader.onBytes(bytes)
      if (wait === undefined) return
      body.pause()
      void wait.then(() => body.resume())
    })
    body.on('end', () => end())
    body.on('error', end)
    body.on('close', () => end(new Error('the connection closed')))
    // The request of a response that has ended is told of nothing. The rest of a complete body may be read later.
    this.#socket.once('close', () => body.complete || end(new Error('the connection closed')))
    if (body.destroyed) end(body.errored ?? new Error('the connection closed'))
  }
}

function ignore(): void {}

/** Answers a request with 200 and an open body; undefined where another response on the connection is still to end. */
export function acceptNodeDuplex(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  headers: Readonly<Record<string, string>>,
): AcceptedDuplex | undefined {
  if (outgoing.socket === null) return undefined
  outgoing.writeHead(200, headers)
  outgoing.flushHeaders()
  const duplex = new NodeDuplex(outgoing, incoming)
  duplex.write(FIRST_BYTE)
  // The adapter of Hono writes nothing for a response with this header, if it is one of the runtime's own class, as a clone is.
  const response = new Response(null, { headers: { 'x-hono-already-sent': 'true' } }).clone()
  return { duplex, response }
}
