import type { Connection, Sink } from './connection.ts'
import type { Hub } from './hub.ts'

/** By the request that each answers, for as long as that is remembered. */
const streams = new WeakMap<Request, EventStream>()

/** The event stream that was opened to answer `request`; undefined if that asked for anything else. */
export function eventStreamOf(request: Request): EventStream | undefined {
  return streams.get(request)
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
  #connection: Connection | undefined
  #isDiverted = false

  constructor(hub: Hub, connect: (sink: Sink) => Connection) {
    this.#hub = hub
    this.#connect = connect
    this.body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          if (this.#connection === undefined) {
            this.#begin({
              write(chunk) {
                controller.enqueue(chunk)
                // A pull means that the client took all there was.
                return false
              },
              close: () => controller.close(),
            })
          }
          this.pull()
        },
        cancel: () => {
          if (!this.#isDiverted) this.leave()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Remembers what it answers, so that the runtime can {@link divert} it. */
  answers(request: Request): void {
    streams.set(request, this)
  }

  /** From here on a sink of the runtime's own gets what is sent; nobody may read the body any more. */
  divert(sink: Sink): void {
    this.#isDiverted = true
    this.#begin(sink)
    this.pull()
  }

  /** The sink wants a chunk. */
  pull(): void {
    if (this.#connection !== undefined) this.#hub.pull(this.#connection)
  }

  /** The client is gone. */
  leave(): void {
    if (this.#connection !== undefined) this.#hub.leave(this.#connection)
  }

  #begin(sink: Sink): void {
    this.#connection = this.#connect(sink)
    this.#hub.join(this.#connection)
  }
}
