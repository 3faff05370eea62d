import { arrivalOf } from '../../admission/arrivals.ts'
import { bunSocketHooks, onBunSocket } from '../../admission/response-socket.ts'
import type { Sink } from '../../delivery/connection.ts'
import {
  type ConnectionHandle,
  type EventStreamBody,
  isEventStream,
  type SocketHooks,
} from '../../delivery/event-stream-body.ts'
import { type BunServer, withConnectionClose } from '../../http/fetch-handler.ts'

const NEVER = 0

/** The connection that carries a response. */
export interface BunConnection {
  server: BunServer
  /** Idle timeout for responses other than event streams, in seconds. */
  idleTimeout: number
  /** Called when the event stream has ended; its last bytes may not be sent yet. */
  onEnd(): void
}

/** Disables Bun's idle timeout for an event stream until it ends. */
export function withoutIdleTimeout(
  request: Request,
  response: Response,
  connection: BunConnection,
): Response {
  const { server, idleTimeout, onEnd } = connection
  // There is no response if the app upgraded the request to a WebSocket.
  if (response === undefined) return response
  const stream = arrivalOf(request, server)?.body
  if (stream !== undefined) {
    if (response.body === stream && !stream.locked) {
      const hooks = bunSocketHooks(request, server, { reportsClose: true, onEnd })
      const { status, statusText, headers } = response
      const direct = new Response(directStream(stream, request, hooks), { status, statusText, headers })
      return isEventStream(direct) ? withConnectionClose(direct) : direct
    }
    // Bun cancels the body that it sends, which is another one, so the stream must listen to the request's signal.
    onBunSocket(stream, request, server, { reportsClose: false, onEnd })
    // A draining Pod ends its streams, and a client must not reconnect to it over the same connection.
    return isEventStream(response) ? withConnectionClose(response) : response
  }
  // An event stream of the app. A response of `retry:` alone looks like one, and keeps the timeout.
  if (response.body === null || !isEventStream(response)) return response
  server.timeout(request, NEVER)
  return new Response(
    untilEnd(response.body, () => server.timeout(request, idleTimeout)),
    response,
  )
}

/** Returns the body, and calls `onEnd` when it ends, even if it is not read to its end. */
function untilEnd(body: ReadableStream<Uint8Array>, onEnd: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  reader.closed.then(onEnd, onEnd)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        // Before Bun forgets the request.
        onEnd()
        controller.close()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/**
 * Bun's controller of a direct stream. A write returns the number of bytes, or a promise while the client's socket takes no
 * more; a flush passes on the small writes before, and returns their bytes.
 * @see https://bun.sh/docs/runtime/streams#direct-readablestream
 */
interface DirectController {
  write(chunk: Uint8Array | string): number | Promise<number>
  flush(wait?: true): number | Promise<number>
  end(): void
}

/**
 * The event stream as a direct stream of Bun, which passes each chunk to the socket in the call that writes it: a stream of the
 * Fetch standard takes a queue and two promises for each.
 */
function directStream(
  body: EventStreamBody,
  request: Request,
  hooks: SocketHooks,
): ReadableStream<Uint8Array> {
  const sink = new DirectSink(body, request, hooks)
  const source = {
    type: 'direct',
    pull: (controller: DirectController) => sink.begin(controller),
    cancel: () => sink.leave(),
  }
  return new ReadableStream(source as unknown as UnderlyingDefaultSource<Uint8Array>)
}

/** Writes a connection's chunks to a direct stream. */
class DirectSink implements Sink {
  readonly #hooks: SocketHooks
  /** Until Bun begins to read, because they would take memory for as long as the stream lasts. */
  #opening: { body: EventStreamBody; request: Request } | undefined
  #controller: DirectController | undefined
  #handle: ConnectionHandle | undefined
  #resolve: (() => void) | undefined

  constructor(body: EventStreamBody, request: Request, hooks: SocketHooks) {
    this.#opening = { body, request }
    this.#hooks = hooks
  }

  /** Bun begins to read; it ends the response when the promise resolves. */
  begin(controller: DirectController): Promise<void> | undefined {
    if (this.#opening === undefined) return undefined
    const { body, request } = this.#opening
    // Its client may have gone before.
    if (request.signal.aborted) {
      this.leave()
      controller.end()
      return undefined
    }
    this.#opening = undefined
    this.#controller = controller
    const ended = new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
    this.#hooks.onOpen()
    this.#handle = body.attach(this)
    this.#handle.pull()
    return ended
  }

  /** The client has gone. */
  leave(): void {
    this.#opening?.body.leave()
    this.#opening = undefined
    this.#handle?.leave()
    this.#resolve?.()
  }

  write(chunk: Uint8Array): boolean {
    return this.#isTaken((this.#controller as DirectController).write(chunk))
  }

  writeText(text: string): boolean {
    return this.#isTaken((this.#controller as DirectController).write(text))
  }

  close(): void {
    this.#controller?.end()
    this.#resolve?.()
    this.#hooks.onEnd()
  }

  /** Without an end of the body, by which the client would take it for a whole one. */
  abort(): void {
    this.#hooks.onAbort()
  }

  #isTaken(written: number | Promise<number>): boolean {
    if (typeof written === 'number' && (this.#controller as DirectController).flush() === written) return true
    this.#pullOnceTaken(written)
    return false
  }

  /** Bun has the rest of the chunk, or has written a long one already, of which the flush tells nothing. */
  #pullOnceTaken(written: number | Promise<number>): void {
    const taken = typeof written === 'number' ? (this.#controller as DirectController).flush(true) : written
    void Promise.resolve(taken).then(
      () => this.#handle?.pull(),
      // The socket closes, which ends the connection.
      () => {},
    )
  }
}
