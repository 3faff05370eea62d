import { arrivalOf } from '../../admission/arrivals.ts'
import { onBunSocket } from '../../delivery/bun-socket.ts'
import { isEventStream } from '../../delivery/event-stream-body.ts'
import type { BunServer } from '../../http/bun-server.ts'
import { withConnectionClose } from '../../http/connection-close.ts'

const NEVER = 0

/** The connection that carries a response. */
export interface BunConnection {
  server: BunServer
  /** How long it may be quiet, in seconds, where it carries no event stream. */
  idleTimeout: number
  /** The event stream is over; its last bytes may be under way. */
  onEnd(): void
}

/** Lets an event stream be quiet for longer than Bun would have it, while it lasts. */
export function lasting(request: Request, response: Response, connection: BunConnection): Response {
  const { server, idleTimeout, onEnd } = connection
  // Where the app has upgraded the request to a WebSocket, there is no response.
  if (response === undefined) return response
  const stream = arrivalOf(request, server)?.body
  if (stream !== undefined) {
    // Bun cancels the body that it sends; where that is another one, the stream must ask the request's signal.
    onBunSocket(stream, request, server, { reportsClose: response.body === stream, onEnd })
    // A Pod that drains ends its streams, and no client should come back to it over the same connection.
    return isEventStream(response) ? withConnectionClose(response) : response
  }
  // The app's own, or ours beyond recognition. A `retry:` and no more looks like one, and must not last.
  if (response.body === null || !isEventStream(response)) return response
  server.timeout(request, NEVER)
  return new Response(
    untilEnd(response.body, () => server.timeout(request, idleTimeout)),
    response,
  )
}

/** The same body, and `onEnd` is called when it ends, whether or not anybody reads it to there. */
function untilEnd(body: ReadableStream<Uint8Array>, onEnd: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  reader.closed.then(onEnd, onEnd)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        // Before Bun is done with the request, and would not know it any more.
        onEnd()
        controller.close()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
