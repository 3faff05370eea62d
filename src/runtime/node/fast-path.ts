import { channel } from 'node:diagnostics_channel'
import { type IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { arrivalOf } from '../../admission/arrivals.ts'
import type { EventStreamBody } from '../../delivery/event-stream-body.ts'
import { type FetchHandler, isPromise } from '../../http/fetch-handler.ts'
import { retryFrame } from '../../wire/sse-frame.ts'
import { closeAfterStream, isLastResponse, markLastResponse } from './close-timeout.ts'
import { SocketSink } from './socket-sink.ts'

/** Second argument that `@hono/node-server` passes to an app. */
interface Env {
  incoming: IncomingMessage
  outgoing: ServerResponse
}

/** Sends the response to a request that an event stream answers; `watchers` listen already to its end. */
type Finish = (answered: EventResponse, watchers: number) => Response

interface EventResponse {
  request: Request
  env: Env
  response: Response
  stream: EventStreamBody
}

/** Middleware that replaces `write` or `end`, as compression does, needs every byte, so it excludes the fast path. */
const { writeHead, write, end } = ServerResponse.prototype
/** Tells monitoring that a response has ended. Node's HTTP publishes it, and only for a response that it still knows. */
const FINISHED = channel('http.server.response.finish')

/**
 * Wraps `fetch`: takes eligible event streams out of the response, and writes them to the socket itself. Each event is
 * framed once for all connections, and no state of HTTP is kept for a connection. Other responses go through HTTP.
 */
export function withFastPath(fetch: FetchHandler): FetchHandler {
  return finishing(fetch, (answered, watchers) => {
    const { request, env, response, stream } = answered
    const { incoming, outgoing } = env
    if (outgoing.socket === null || !isPlain(stream, response, incoming, outgoing))
      return withoutAttaching(answered)
    const isWatched = hasAborter(request) || hasListeners(outgoing, watchers)
    begin(stream, response.headers, env, isWatched)
    // Reading its body makes the adapter skip the shortcut that would write it as an empty response.
    void RESPONSE_ALREADY_SENT.body
    return RESPONSE_ALREADY_SENT
  })
}

/** `fetch`, and event streams are served as any other response. */
export function withoutFastPath(fetch: FetchHandler): FetchHandler {
  return finishing(fetch, withoutAttaching)
}

/** `fetch`, and `finish` for its response where an event stream answers the request. */
function finishing(fetch: FetchHandler, finish: Finish): FetchHandler {
  return (request, env) => {
    const { incoming, outgoing } = env as Env
    if (!isOnSocket(outgoing)) return fetch(request, env)
    if (refusesPipelined(incoming, outgoing)) return new Response()
    const end = (response: Response, watchers: number) => {
      const stream = arrivalOf(request, env)?.body
      return stream === undefined
        ? response
        : finish({ request, env: env as Env, response, stream }, watchers)
    }
    const response = fetch(request, env)
    dropBodyOfGet((env as Env).incoming)
    if (!isPromise(response)) return end(response, 0)
    // Meanwhile the adapter itself has begun to watch.
    return response.then((settled) => end(settled, 1))
  }
}

/** Returns whether the response is HTTP/1 on a socket: streams of HTTP/2 share theirs, and test doubles have none. */
function isOnSocket(outgoing: ServerResponse): boolean {
  return outgoing instanceof ServerResponse && (outgoing.socket === null || outgoing.socket instanceof Socket)
}

/**
 * Reads the body of a `GET` or `HEAD` and drops it, unless the app reads it: the request of the Fetch standard has none,
 * and while the app has not answered, pieces of one byte would cost Node some 400 times their size.
 */
function dropBodyOfGet(incoming: IncomingMessage): void {
  if ((incoming.method !== 'GET' && incoming.method !== 'HEAD') || !hasBody(incoming)) return
  if (incoming.readableFlowing === null && incoming.listenerCount('readable') === 0) incoming.resume()
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined
}

/**
 * Replaces an event stream behind another pipelined response by a `retry:`, because it would wait for that response,
 * perhaps forever, and Node 22 would not report that the client has gone. A replacement body of the app may wait.
 */
function behindAnother(stream: EventStreamBody, response: Response): Response {
  const { status, statusText, body } = response
  const headers = new Headers(response.headers)
  // The header was for an event stream; without one, later requests of the client still get a response.
  headers.delete('connection')
  if (body !== stream) {
    if (!stream.locked) return new Response(body, { status, statusText, headers })
    // The body was derived from the stream, and already reads it.
    body?.cancel().catch(() => {})
  }
  for (const name of ['content-length', 'content-encoding']) headers.delete(name)
  return new Response(stream.format.own(retryFrame(undefined, 'pipelined')), { status, headers })
}

function withoutAttaching({ env: { outgoing }, response, stream }: EventResponse): Response {
  if (outgoing.socket === null) {
    const other = behindAnother(stream, response)
    // Nothing will read it.
    stream.leave()
    return other
  }
  closeAfterStream(stream, outgoing)
  return response
}

/** Returns whether the response is the unchanged stream, sent as chunks of HTTP/1.1. */
function isPlain(
  stream: EventStreamBody,
  response: Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): boolean {
  return (
    incoming.httpVersion === '1.1' &&
    outgoing.socket?.writable === true &&
    !outgoing.headersSent &&
    response.status === 200 &&
    response.body === stream &&
    outgoing.write === write &&
    outgoing.end === end
  )
}

/** Returns whether the app has read the request's `signal`, which must abort when the client disconnects. */
function hasAborter(request: Request): boolean {
  return Object.getOwnPropertySymbols(request).some(({ description }) => description === 'abortControllerKey')
}

/**
 * Returns whether the response has listeners for its end beside those of Node's HTTP and the `watchers` of the adapter.
 */
function hasListeners(outgoing: ServerResponse, watchers: number): boolean {
  return (
    outgoing.listenerCount('close') > watchers ||
    // One is of Node's HTTP itself.
    outgoing.listenerCount('finish') > 1 ||
    outgoing.listenerCount('prefinish') > 0 ||
    FINISHED.hasSubscribers
  )
}

/** Sends the head. The rest waits until HTTP's parser, which may be at work on the request, is out of the way. */
function begin(
  stream: EventStreamBody,
  headers: Headers,
  { incoming, outgoing }: Env,
  isWatched: boolean,
): void {
  if (isWatched || outgoing.writeHead !== writeHead || outgoing.getHeaderNames().length > 0) {
    for (const [name, value] of headers) {
      if (name === 'set-cookie' || name === 'vary') outgoing.appendHeader(name, value)
      else outgoing.setHeader(name, value)
    }
    outgoing.writeHead(200, { connection: 'close', 'transfer-encoding': 'chunked' })
  } else outgoing.writeHead(200, listOf(headers))
  outgoing.flushHeaders()
  // HTTP may stay attached to the socket, and read further requests.
  if (outgoing.socket !== null && (isWatched || hasBody(incoming))) markLastResponse(outgoing.socket)
  // The request has no body; once its end was read, HTTP permits that the socket is detached.
  incoming.resume()
  setImmediate(() => {
    const { socket } = outgoing
    if (socket === null || socket.destroyed) return stream.leave()
    const isDone = incoming.complete && incoming.readableEnded
    const message = isDone && !isWatched && detachFromHttp(outgoing, socket) ? undefined : outgoing
    if (message !== undefined) markLastResponse(socket)
    SocketSink.attach(stream, socket, message)
  })
}

/** Names and values in turn: Node writes such a list as it is, and makes no objects of it. Nothing asks for them later. */
function listOf(headers: Headers): string[] {
  const list = ['connection', 'close', 'transfer-encoding', 'chunked']
  for (const [name, value] of headers)
    if (name !== 'connection' && name !== 'transfer-encoding') list.push(name, value)
  return list
}

/** Listeners of Node's HTTP server on its sockets, by event. */
const LISTENERS: Readonly<Record<string, readonly string[]>> = {
  data: ['bound socketOnData'],
  drain: ['bound socketOnDrain'],
  end: ['bound socketOnEnd'],
  error: ['socketOnError'],
  timeout: ['socketOnTimeout'],
  pause: ['onSocketPause'],
  resume: ['onSocketResume'],
}
const ON_CLOSE = 'bound socketOnClose'

type Listener = (...args: unknown[]) => void

/**
 * Detaches a socket that one response uses until it closes from Node's HTTP server, as that itself does for an upgrade:
 * the parser returns to its pool, and request and response can be collected. Returns false, and changes nothing, where
 * Node's HTTP server has other internals than expected.
 */
function detachFromHttp(response: ServerResponse, socket: Socket): boolean {
  const onClose = socket.listeners('close').find(({ name }) => name === ON_CLOSE) as Listener | undefined
  if (onClose === undefined || typeof response.detachSocket !== 'function') return false
  response.detachSocket(socket)
  for (const [event, names] of Object.entries(LISTENERS)) {
    for (const listener of socket.listeners(event) as Listener[]) {
      if (names.includes(listener.name)) socket.removeListener(event, listener)
    }
  }
  socket.removeListener('close', onClose)
  onClose.call(socket)
  return true
}

/**
 * Requests that may wait on one connection for the responses before theirs. Each costs some 10 KB, and is handed to the app
 * at once: while a hook or a middleware waits, Node itself would take any number of them.
 */
const MAX_WAITING = 64

const waiting = new WeakMap<Socket, number>()

/**
 * Returns whether to keep a request from the app, because too many wait on its connection, or because the response
 * before it is an event stream. It then ends the connection.
 */
function refusesPipelined(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  // The response has its socket, so that none is before it.
  if (outgoing.socket !== null) return false
  const { socket } = incoming
  const count = (waiting.get(socket) ?? 0) + 1
  if (count > MAX_WAITING || isLastResponse(socket) || socket.destroyed) {
    socket.destroy()
    return true
  }
  waiting.set(socket, count)
  outgoing.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1))
  return false
}
