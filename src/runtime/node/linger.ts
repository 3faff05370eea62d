import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { EventStreamBody, SocketHooks } from '../../delivery/event-stream-body.ts'

/** How long a client may take for what is left of its ended response, in milliseconds; it can resume where it was. */
const LINGER_MS = 10_000

/** The sockets that {@link linger} was called for. */
const lingering = new WeakSet<Socket>()

/** Sockets whose response is an event stream that Node's HTTP still knows. */
const last = new WeakSet<Socket>()

/**
 * Whether the socket's response is an event stream, after which the connection closes: a request behind it would be kept,
 * with its answer, for as long as the stream lasts.
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-tear-down
 */
export function isLast(socket: Socket): boolean {
  return last.has(socket)
}

/** The response that the socket carries now is its last one. */
export function markLast(socket: Socket): void {
  last.add(socket)
}

/** Whether the socket's event stream has ended, and only its client keeps it open. */
export function isLingering(socket: Socket): boolean {
  return lingering.has(socket)
}

/** For the socket of a stream that has ended: nobody counts it any more, and nobody else would end it. */
export function linger(socket: Socket): void {
  if (socket.destroyed) return
  lingering.add(socket)
  // The socket's own time limit begins anew with each byte that comes or goes.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** Sees to the socket of a stream that HTTP itself writes. */
export function lingerAfter(stream: EventStreamBody, response: ServerResponse): void {
  // A HEAD has no stream that would end.
  if (response.req.method === 'HEAD' || response.headersSent) return
  // The time limit must meet no other response on the socket.
  response.setHeader('connection', 'close')
  if (response.socket !== null) markLast(response.socket)
  const { socket } = response
  ;(response as StreamResponse)[STREAM] = stream
  stream.onSocket(new ResponseHooks(response))
  // The adapter cancels the body that it sends; that is another one where a middleware has cloned the response.
  response.on('close', leave)
  // Node's HTTP stops reading where too much is asked for behind this response, and would not see the client go.
  if (socket === null) return
  if (socket.isPaused()) response.destroy()
  ;(socket as StreamSocket)[RESPONSE] = response
  socket.on('pause', destroyResponse)
}

/** Where a response keeps its event stream, and a socket its response: closures for each connection would take more memory. */
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
    if (this.#response.socket !== null) linger(this.#response.socket)
  }

  onAbort(): void {
    this.#response.destroy()
  }
}
