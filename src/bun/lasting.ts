import { eventStreamIn, eventStreamOf, isEventStream } from '../core/event-stream.ts'

/** How long the client of an ended stream may take for the rest of it, in seconds. */
const LINGER_S = 10
/** Bun counts in seconds, and has no other way to close one connection. */
const AT_ONCE_S = 1
const NEVER = 0

/** The connection that carries a response, as far as Bun lets it be controlled. */
export interface BunConnection {
  /** How long it may be quiet, in seconds, where it carries no event stream. */
  idleTimeout: number
  /** Sets how long it may be quiet, in seconds. That stays with the connection, also for its next requests. */
  setTimeout(seconds: number): void
  /** The event stream is over; its last bytes may be under way. */
  onEnd(): void
}

/** Lets an event stream be quiet for longer than Bun would have it, while it lasts. */
export function lasting(request: Request, response: Response, connection: BunConnection): Response {
  const { idleTimeout, setTimeout, onEnd } = connection
  // Where the app has upgraded the request to a WebSocket, there is no response.
  if (response === undefined) return response
  const stream = eventStreamOf(request) ?? eventStreamIn(response)
  if (stream !== undefined) {
    stream.carriedBy({
      begin: () => setTimeout(NEVER),
      end() {
        setTimeout(LINGER_S)
        onEnd()
      },
      cut() {
        setTimeout(AT_ONCE_S)
        onEnd()
      },
      // Bun cancels the body that it sends; where that is another one, the stream must ask the request's signal.
      reportsClose: response.body === stream.body,
    })
    // A Pod that drains ends its streams, and no client should come back to it over the same connection.
    if (isEventStream(response)) response.headers.set('connection', 'close')
    return response
  }
  // The app's own, or ours beyond recognition. A `retry:` and no more looks like one, and must not last.
  if (response.body === null || !isEventStream(response)) return response
  setTimeout(NEVER)
  return new Response(
    untilEnd(response.body, () => setTimeout(idleTimeout)),
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
