import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type AcceptedDuplex, type Duplex, type DuplexReader, FIRST_BYTE } from '../../http/duplex.ts'
import { type StreamHandle, streamHandleOf, type WriteObserver, writeString } from './stream-handle.ts'

/** Time in which the rest of an ended body must have been taken, in milliseconds. */
const END_MS = 5_000

/**
 * A {@link Duplex} of Node's own messages. It writes chunks to the socket itself, because Node's writes each of them in four
 * parts, and streams of the web above it cost as much again; and past Node's `Writable` where it can, because that is most of
 * the work for a short chunk.
 */
export class NodeDuplex implements Duplex, WriteObserver {
  readonly #written: ClientRequest | ServerResponse
  readonly #read: IncomingMessage
  readonly #socket: Socket
  /** The stream under the socket, once chunks can be written past Node. */
  #stream: StreamHandle | undefined
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
    return this.#socket.writableLength + (this.#stream?.writeQueueSize ?? 0)
  }

  write(text: string): void {
    if (this.#isEnded || this.#socket.destroyed) return
    const bytes = Buffer.byteLength(text)
    const chunk = `${bytes.toString(16)}\r\n${text}\r\n`
    this.#stream ??= streamHandleOf(this.#socket)
    if (this.#stream === undefined) this.#socket.write(chunk)
    else writeString(this.#stream, chunk, bytes === text.length, this)
  }

  onWritten(status: number): void {
    if (status < 0) this.#socket.destroy()
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
    const take = (bytes: Buffer) => {
      const wait = reader.onBytes(bytes)
      if (wait === undefined) return
      body.pause()
      void wait.then(() => body.resume())
    }
    body.on('data', take)
    // Past Node's `Readable`, which costs a short chunk as much as to parse it; not while the body holds earlier chunks.
    const push = body.push
    body.push = (chunk: Buffer | null, encoding) => {
      if (chunk === null || body.readableFlowing !== true || body.readableLength > 0)
        return push.call(body, chunk, encoding)
      take(chunk)
      // Backpressure is up to `Readable`, which is given the chunks that come while the body is paused.
      return true
    }
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
