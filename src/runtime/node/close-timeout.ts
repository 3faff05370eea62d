import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { EventStreamBody, SocketHooks } from '../../delivery/event-stream-body.ts'

/** Time in which a client must read the rest of an ended response, in milliseconds; it can resume afterwards. */
const CLOSE_TIMEOUT_MS = 10_000

/** Sockets that {@link startCloseTimeout} was called for; only their clients keep them open. */
const inCloseTimeout = new WeakSet<Socket>()

/** Sockets with an event stream as current response, which Node's HTTP still writes. */
const lastResponses = new WeakSet<Socket>()

/**
 * Returns whether the socket's current response is an event stream. The connection closes after it. A pipelined request
 * would keep its response in memory for as long as the stream lasts.
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-tear-down
 */
export function isLastResponse(socket: Socket): boolean {
  return lastResponses.has(socket)
}

/** Marks the current response of the socket as its last one. */
export function markLastResponse(socket: Socket): void {
  lastResponses.add(socket)
}

/** Returns whether the event stream of the socket has ended, and only its client keeps the socket open. */
export function isInCloseTimeout(socket: Socket): boolean {
  return inCloseTimeout.has(socket)
}

/** Destroys the socket of an ended stream after {@link CLOSE_TIMEOUT_MS}, because nothing else would close it. */
export function startCloseTimeout(socket: Socket): void {
  if (socket.destroyed) return
  inCloseTimeout.add(socket)
  // socket.setTimeout() would restart with each byte.
  const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** Closes the socket after an event stream that Node's HTTP writes. */
export function closeAfterStream(stream: EventStreamBody, response: ServerResponse): void {
  // A response to HEAD has no stream.
  if (response.req.method === 'HEAD' || response.headersSent) return
  // The close timeout must not affect another response on the socket.
  response.setHeader('connection', 'close')
  if (response.socket !== null) markLastResponse(response.socket)
  const { socket } = response
  ;(response as StreamResponse)[STREAM] = stream
  stream.onSocket(new ResponseHooks(response))
  // The adapter cancels the body that it sends, which is another one if a middleware cloned the response.
  response.on('close', leave)
  // With too many pipelined requests Node's HTTP stops reading, and would not notice that the client has gone.
  if (socket === null) return
  if (socket.isPaused()) response.destroy()
  ;(socket as StreamSocket)[RESPONSE] = response
  socket.on('pause', destroyResponse)
}

/**
 * Key of the event stream on a response, and of the response on a socket: closures for each connection would take more
 * memory.
 */
const STREAM = Symbol('sser stream')
const RESPONSE = Symbol('sser response')

type StreamResponse = ServerResponse & { [STREAM]?: EventStreamBody }
type StreamSocket = Socket & { [RESPONSE]?: ServerResponse }

function leave(this: StreamResponse): void {
  this[STREAM]?.leave()
}

function destroyResponse(this: StreamSocket): void {
  this[RESPONSE]?.destroy()
}

class ResponseHooks implements SocketHooks {
  readonly reportsClose = true
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onOpen(): void {}

  onEnd(): void {
    if (this.#response.socket !== null) startCloseTimeout(this.#response.socket)
  }

  onAbort(): void {
    this.#response.destroy()
  }
}
