import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Sink } from '../core/connection.ts'
import type { EventStream } from '../core/event-stream.ts'

const LAST_CHUNK = '0\r\n\r\n'

/** The chunk that was framed last: it is the one that the next connection gets. */
let framed: { chunk?: Uint8Array; bytes: Buffer } = { bytes: Buffer.alloc(0) }

/** Writes an event stream to the socket of its response, as chunks of HTTP/1.1. */
export class SocketSink implements Sink {
  readonly #socket: Socket
  /** Where HTTP has not let go of the socket, the response that must end in its way. */
  readonly #message: ServerResponse | undefined

  constructor(socket: Socket, stream: EventStream, message: ServerResponse | undefined) {
    this.#socket = socket
    this.#message = message
    socket.on('drain', () => setImmediate(() => stream.pull()))
    socket.on('close', () => stream.leave())
    if (message !== undefined) return
    socket.on('error', () => {})
    // The response is the last on its connection. A client that says no more does not listen any more, either.
    socket.on('end', () => socket.destroy())
    socket.resume()
  }

  write(chunk: Uint8Array): boolean {
    if (framed.chunk !== chunk) framed = { chunk, bytes: inChunk(chunk) }
    return this.#socket.write(framed.bytes)
  }

  close(): void {
    if (this.#message !== undefined) {
      this.#message.end()
      return
    }
    this.#socket.write(LAST_CHUNK)
    this.#socket.destroySoon()
  }

  /** Ends it at once, whatever the client has not read. */
  destroy(): void {
    this.#socket.destroy()
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc9112#name-chunked-transfer-coding */
function inChunk(chunk: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])
}
