import type { Connection, Sink } from './connection.ts'
import type { Hub } from './hub.ts'

/** By the request that each answers, and by its body, for as long as those are remembered. */
const streams = new WeakMap<Request | ReadableStream, EventStream>()

let opened = 0

/** How many were opened in this process so far. */
export function eventStreamsOpened(): number {
  return opened
}

/** The event stream that was opened to answer `request`; undefined if that asked for anything else. */
export function eventStreamOf(request: Request): EventStream | undefined {
  return streams.get(request)
}

/** The event stream that is the body of `response`, if that is one: an app may have made its request anew (`mount()`). */
export function eventStreamIn(response: Response): EventStream | undefined {
  if (!isEventStream(response) || response.body === null) return undefined
  return streams.get(response.body)
}

/** Whether it says that it is an event stream, of this Pod or of the app's own. */
export function isEventStream({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/event-stream') === true
}

/**
 * The connection that a body goes out on, as far as its runtime knows it. Nobody counts a client once its stream is over,
 * and it need not read what is left of that: its socket must come to an end by itself.
 */
export interface Carrier {
  /** The body begins to be read; it may be quiet for long. */
  begin(): void
  /** It is over; what was written is still to arrive. */
  end(): void
  /** It is over, and nothing more needs to arrive. */
  cut(): void
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
  #carrier: Carrier | undefined
  /** Whether the body is being read, and has not ended. */
  #isOpen = false

  /** It was allowed when the log stood at `since`: what ends connections from there on ends this one, too. */
  constructor(hub: Hub, connect: (sink: Sink) => Connection, since: number) {
    this.#hub = hub
    this.#connect = connect
    this.#since = since
    opened += 1
    let taker: Taker | undefined
    let isCut = false
    this.body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          // It takes again, for which it has been waited too long.
          if (isCut) return controller.error()
          if (taker === undefined) {
            this.#isOpen = true
            this.#carrier?.begin()
            taker = this.divert({
              write(chunk) {
                controller.enqueue(chunk)
                // A pull means that the client took all there was.
                return false
              },
              close: () => {
                controller.close()
                this.#end()
              },
              abort: () => {
                isCut = true
                this.#isOpen = false
                // Without a reason: Bun would print it, with its stack, for each client that does not read.
                if (this.#carrier === undefined) controller.error()
                else this.#carrier.cut()
              },
            })
          }
          taker.pull()
        },
        cancel: () => {
          taker?.leave()
          this.#end()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Whose connection the body goes out on. A middleware may have begun to read it before this is known. */
  carriedBy(carrier: Carrier): void {
    this.#carrier = carrier
    if (this.#isOpen) carrier.begin()
  }

  /** Remembers what it answers, so that the runtime finds it again, and can {@link divert} it. */
  answers(request: Request): void {
    streams.set(request, this)
    streams.set(this.body, this)
  }

  /** From here on the sink gets what is sent, once it pulls. It may be the runtime's own: then nobody reads the body. */
  divert(sink: Sink): Taker {
    return new Taker(this.#hub, this.#connect(sink), this.#since)
  }

  #end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#carrier?.end()
  }
}
