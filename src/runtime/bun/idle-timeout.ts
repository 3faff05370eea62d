import { arrivalOf } from '../../admission/arrivals.ts'
import { bunSocketHooks, onBunSocket } from '../../admission/response-socket.ts'
import { isEventStream } from '../../delivery/event-stream-body.ts'
import { type BunServer, withConnectionClose } from '../../http/fetch-handler.ts'
import { directStream } from './direct-stream.ts'

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
