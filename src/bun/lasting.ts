import { eventStreamIn, eventStreamOf, isEventStream } from '../core/event-stream.ts'

/**
 * After how long Bun closes what is quiet, in seconds. What was set for a request stays with its socket, for requests to
 * come and for what its client does not take: it must be this again when a stream is over.
 */
const USUAL_S = 10
/** Bun counts in seconds, and has no other way to close one connection. */
const AT_ONCE_S = 1
const NEVER = 0

/** Lets an event stream be quiet for longer than Bun would have it, while it lasts. */
export function lasting(
  request: Request,
  response: Response,
  setTimeout: (seconds: number) => void,
): Response {
  const stream = eventStreamOf(request) ?? eventStreamIn(response)
  if (stream !== undefined) {
    stream.carriedBy({
      begin: () => setTimeout(NEVER),
      end: () => setTimeout(USUAL_S),
      cut: () => setTimeout(AT_ONCE_S),
    })
    return response
  }
  // The app's own, or ours beyond recognition. A `retry:` and no more looks like one, and must not last.
  if (response.body === null || !isEventStream(response)) return response
  setTimeout(NEVER)
  return new Response(
    untilEnd(response.body, () => setTimeout(USUAL_S)),
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
