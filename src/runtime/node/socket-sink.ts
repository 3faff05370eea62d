import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Sink } from '../../delivery/connection.ts'
import type { ConnectionHandle, EventStreamBody } from '../../delivery/event-stream-body.ts'
import { startCloseTimeout } from './close-timeout.ts'
import {
  type StreamHandle,
  streamHandleOf,
  type WriteObserver,
  writeBytes,
  writeString,
} from './stream-handle.ts'

const LAST_CHUNK = '0\r\n\r\n'
const NOTHING = new Uint8Array(0)
/** Key of the sink on a socket: separate listeners for each socket would cost more than all the rest. */
const SINK = Symbol('sser sink')

type SinkSocket = Socket & { [SINK]?: SocketSink }

/** Framed chunks that connections share. */
const framings = new WeakMap<Uint8Array, Buffer>()
/** The chunk that was framed last: it is the one that the next connection gets. */
let framed: { chunk?: Uint8Array; bytes: Buffer } = { bytes: Buffer.alloc(0) }

/** Writes an event stream to the socket of its response, as chunks of HTTP/1.1. */
export class SocketSink implements Sink, WriteObserver {
  readonly isSharing = true
  readonly #socket: Socket
  /** The response to end through HTTP; undefined if the socket is detached from HTTP. */
  readonly #message: ServerResponse | undefined
  /** The stream under the socket, if Node's HTTP is detached and chunks can be written past Node. */
  #stream: StreamHandle | undefined
  #handle: ConnectionHandle | undefined

  private constructor(socket: Socket, message: ServerResponse | undefined) {
    this.#socket = socket
    this.#message = message
  }

  /** Begins to write the stream. */
  static attach(stream: EventStreamBody, socket: Socket, message: ServerResponse | undefined): void {
    const sink = new SocketSink(socket, message)
    ;(socket as SinkSocket)[SINK] = sink
    socket.on('drain', onDrain).on('close', onClose)
    // The response is the last on its connection. A client that says no more does not listen any more, either.
    if (message === undefined) {
      socket.on('error', ignore).on('end', socket.destroy).resume()
      sink.#stream = streamHandleOf(socket)
    }
    sink.#handle = stream.attach(sink)
    sink.pull()
    // The first write of the process shows Node's class of requests.
    if (message === undefined) sink.#stream ??= streamHandleOf(socket)
  }

  write(chunk: Uint8Array, isShared?: boolean): boolean {
    if (framed.chunk !== chunk) framed = { chunk, bytes: isShared ? inSharedChunk(chunk) : inChunk(chunk) }
    if (this.#stream !== undefined) return writeBytes(this.#stream, framed.bytes, this)
    return this.#isTaken(this.#socket.write(framed.bytes))
  }

  /** Node writes a text without an object for its bytes, and fastest as Latin-1, which is right for ASCII alone. */
  writeText(text: string): boolean {
    const bytes = Buffer.byteLength(text)
    const isAscii = bytes === text.length
    const chunk = `${bytes.toString(16)}\r\n${text}\r\n`
    if (this.#stream !== undefined) return writeString(this.#stream, chunk, isAscii, this)
    return this.#isTaken(this.#socket.write(chunk, isAscii ? 'latin1' : 'utf8'))
  }

  #isTaken(isBelowMark: boolean): boolean {
    if (!isBelowMark) return false
    if (this.#socket.writableLength === 0) return true
    this.#pullOnceWritten()
    return false
  }

  /**
   * The kernel takes no more just now, and Node tells of no `drain` below its high-water mark. Apart from `write()`, because a
   * function that makes closures allocates their scope in each call.
   */
  #pullOnceWritten(): void {
    this.#socket.write(NOTHING, () => setImmediate(() => this.pull()))
  }

  onWritten(status: number): void {
    // After an error the socket closes, which ends the connection.
    if (status < 0) this.#socket.destroy()
    else setImmediate(() => this.pull())
  }

  close(): void {
    startCloseTimeout(this.#socket)
    if (this.#message !== undefined) {
      this.#message.end()
      return
    }
    this.#socket.write(LAST_CHUNK)
    this.#socket.destroySoon()
  }

  pull(): void {
    this.#handle?.pull()
  }

  abort(): void {
    this.#socket.destroy()
  }

  /** Its socket is closed. */
  leave(): void {
    this.#handle?.leave()
  }
}

function onDrain(this: SinkSocket): void {
  setImmediate(() => this[SINK]?.pull())
}

function onClose(this: SinkSocket): void {
  this[SINK]?.leave()
}

/** Whatever the error was, the socket closes next. */
function ignore(): void {}

/** @see https://www.rfc-editor.org/rfc/rfc9112#name-chunked-transfer-coding */
function inChunk(chunk: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])
}

function inSharedChunk(chunk: Uint8Array): Buffer {
  let bytes = framings.get(chunk)
  if (bytes === undefined) {
    bytes = inChunk(chunk)
    framings.set(chunk, bytes)
  }
  return bytes
}
