import type { Connection, Sink } from './connection.ts'
import type { Hub } from './hub.ts'

/**
 * The body of an event response. Nothing is acquired before the first pull: a response that is dropped unread
 * (`HEAD`, a middleware that throws late) then leaves nothing behind. With a high-water mark of 0 a pull means
 * that the client took all there was, so nothing ever queues here.
 */
export function eventStream(hub: Hub, connect: (sink: Sink) => Connection): ReadableStream<Uint8Array> {
  let connection: Connection | undefined
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (connection === undefined) {
          connection = connect({
            write: (chunk) => controller.enqueue(chunk),
            close: () => controller.close(),
          })
          hub.join(connection)
        }
        connection.pull()
      },
      cancel() {
        if (connection !== undefined) hub.leave(connection)
      },
    },
    { highWaterMark: 0 },
  )
}
