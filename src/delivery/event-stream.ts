import type { NodeResponse } from '../http/env.ts'
import { BoundedTeeStream } from './bounded-tee.ts'
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
  /** Whether the runtime calls {@link EventStream.leave} when the client's connection has closed. */
  reportsClose: boolean
}

/** What the side that takes an event stream says of itself. */
export class Taker {
  readonly #hub: Hub
  readonly #connection: Connection

  constructor(hub: Hub, connection: Connection, since: number) {
    this.#hub = hub
    this.#connection = connection
    hub.add(connection, since)
  }

  /** It wants a chunk. */
  pull(): void {
    this.#hub.pull(this.#connection)
  }

  /** It is gone. */
  leave(): void {
    this.#hub.remove(this.#connection)
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
  #request: Request | undefined
  #response: NodeResponse | undefined
  #carrier: Carrier | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #taker: Taker | undefined
  /** Whether the body is being read, and has not ended. */
  #isOpen = false
  #isOver = false
  #unwatch: (() => void) | undefined

  /** It was allowed when the log stood at `since`: what ends connections from there on ends this one, too. */
  constructor(hub: Hub, connect: (sink: Sink) => Connection, since: number) {
    this.#hub = hub
    this.#connect = connect
    this.#since = since
    opened += 1
    this.body = new BoundedTeeStream(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#pull(),
        cancel: () => {
          this.#isOver = true
          this.#taker?.leave()
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
  answers(request: Request, response?: NodeResponse): void {
    streams.set(request, this)
    streams.set(this.body, this)
    this.#request = request
    this.#response = response
  }

  /** From here on the sink gets what is sent, once it pulls. It may be the runtime's own: then nobody reads the body. */
  divert(sink: Sink): Taker {
    return new Taker(this.#hub, this.#connect(sink), this.#since)
  }

  /** Ends the body because the client has gone: another reader of the body, such as a clone, must not keep the connection. */
  leave(): void {
    this.#taker?.leave()
    this.#close()
  }

  #pull(): void {
    if (this.#taker === undefined) this.#begin()
    this.#taker?.pull()
  }

  #begin(): void {
    const request = this.#request
    // The request and its headers would take memory for as long as the stream lasts.
    this.#request = undefined
    // The client may have gone before the body was read.
    if (this.#carrier?.reportsClose !== true && !this.#watch(request)) return this.#close()
    this.#isOpen = true
    this.#carrier?.begin()
    this.#taker = this.divert({
      write: (chunk) => {
        this.#controller?.enqueue(chunk)
        // A pull means that the client took all there was.
        return false
      },
      close: () => this.#close(),
      abort: () => {
        const [carrier, response] = [this.#carrier, this.#response]
        this.#isOpen = false
        // A plain end, because some frameworks end the process or print a stack where a body fails.
        this.#close()
        if (carrier !== undefined) carrier.cut()
        else response?.destroy()
      },
    })
  }

  /** Listens for the end of the client's connection. False: it has ended already. */
  #watch(request: Request | undefined): boolean {
    const [response, signal] = [this.#response, request?.signal]
    if (signal?.aborted === true) return false
    const leave = () => this.leave()
    response?.once('close', leave)
    signal?.addEventListener('abort', leave)
    this.#unwatch = () => {
      response?.off('close', leave)
      signal?.removeEventListener('abort', leave)
    }
    return true
  }

  #close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#controller?.close()
    this.#end()
  }

  #end(): void {
    this.#unwatch?.()
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#carrier?.end()
  }
}
