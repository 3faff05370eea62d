import type { Connection, Sink } from './connection.ts'
import type { Hub } from './hub.ts'

/** By the request that each answers, for as long as that is remembered. */
const streams = new WeakMap<Request, EventStream>()

/** The event stream that was opened to answer `request`; undefined if that asked for anything else. */
export function eventStreamOf(request: Request): EventStream | undefined {
  return streams.get(request)
}

/** What the side that takes an event stream says of itself. */
export class Taker {
  readonly #hub: Hub
  readonly #connection: Connection

  constructor(hub: Hub, connection: Connection, since: number) {
    this.#hub = hub
    this.#connection = connection
    hub.join(connection, since)
  }

  /** It wants a chunk. */
  pull(): void {
    this.#hub.pull(this.#connection)
  }

  /** It is gone. */
  leave(): void {
    this.#hub.leave(this.#connection)
  }
}

/**
 * What a client is to get, before anybody has begun to take it. Nothing is acquired before that: a response that is
 * dropped unread (`HEAD`, a middleware that throws late) then leaves nothing behind.
 */
export class EventStream {
  /** The body of the response, for any runtime. With a high-water mark of 0 nothing ever queues in it. */
  readonly body: ReadableStream<Uint8Array>
  readonly #hub: Hub
  readonly #connect: (sink: Sink) => Connection
  readonly #since: number

  /** It was allowed when the log stood at `since`: what ends connections from there on ends this one, too. */
  constructor(hub: Hub, connect: (sink: Sink) => Connection, since: number) {
    this.#hub = hub
    this.#connect = connect
    this.#since = since
    let taker: Taker | undefined
    this.body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          taker ??= this.divert({
            write(chunk) {
              controller.enqueue(chunk)
              // A pull means that the client took all there was.
              return false
            },
            close: () => controller.close(),
            // Without a reason: Bun would print it, with its stack, for each client that does not read.
            abort: () => controller.error(),
          })
          taker.pull()
        },
        cancel: () => taker?.leave(),
      },
      { highWaterMark: 0 },
    )
  }

  /** Remembers what it answers, so that the runtime can {@link divert} it. */
  answers(request: Request): void {
    streams.set(request, this)
  }

  /** From here on the sink gets what is sent, once it pulls. It may be the runtime's own: then nobody reads the body. */
  divert(sink: Sink): Taker {
    return new Taker(this.#hub, this.#connect(sink), this.#since)
  }
}
