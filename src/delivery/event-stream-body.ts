import type { NodeResponse } from '../http/fetch-handler.ts'
import { type FrameFormat, STANDARD } from '../wire/sse-frame.ts'
import { BoundedTeeStream } from './bounded-tee.ts'
import type { Connection, Sink } from './connection.ts'
import type { Hub } from './hub.ts'
import type { Reservation } from './reservations.ts'

/** The event stream that is the body of `response`; undefined where the body is another one. */
export function eventStreamBodyOf(response: Response): EventStreamBody | undefined {
  return isEventStream(response) && response.body instanceof EventStreamBody ? response.body : undefined
}

/** Returns whether the response says that it is an event stream, of this Pod or of the app. */
export function isEventStream({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/event-stream') === true
}

/**
 * Hooks of the runtime for the socket under a body. The runtime must close the socket by itself after the end of the
 * stream, because the connection is no longer counted then, and its client need not read the rest.
 */
export interface SocketHooks {
  /** Something begins to read the body, which may stay quiet for long. */
  onOpen(): void
  /** The stream has ended; the client may still read what was written. */
  onEnd(): void
  /** The stream has ended, and the socket is to be closed at once. */
  onAbort(): void
  /** True if the runtime calls {@link EventStreamBody.leave} when the client's socket has closed. */
  reportsClose: boolean
  /** True if {@link onAbort} closes the socket after a timeout, which the end of the body must not precede. */
  abortsByTimeout?: boolean
}

/** A connection, for the code that writes its bytes to a client. */
export class ConnectionHandle {
  readonly #hub: Hub
  readonly #connection: Connection

  constructor(hub: Hub, connection: Connection) {
    this.#hub = hub
    this.#connection = connection
  }

  /** Asks for a chunk. */
  pull(): void {
    this.#hub.pull(this.#connection)
  }

  /** Reports that the client has gone. */
  leave(): void {
    this.#hub.remove(this.#connection)
  }
}

export interface EventStreamBodyOptions {
  hub: Hub
  /** Makes the connection, which begins where the log stood when the request was answered. */
  connect(sink: Sink): Connection
  /** Index of the log before `authorize` was called: a disconnect from there on ends the connection. */
  since: number
  /** The capacity that admission has reserved for the connection. */
  reservation?: Reservation | undefined
  /** The format of the connection. */
  format?: FrameFormat
}

/**
 * The body of one response, for any runtime; it becomes a connection when something begins to read it. With a high-water
 * mark of 0 no chunk is queued in it.
 */
export class EventStreamBody extends BoundedTeeStream {
  readonly #options: EventStreamBodyOptions
  /** Until the body becomes a connection, or ends before. */
  #reservation: Reservation | undefined
  readonly #controller: ReadableStreamDefaultController<Uint8Array>
  #request: Request | undefined
  #response: NodeResponse | undefined
  #hooks: SocketHooks | undefined
  #handle: ConnectionHandle | undefined
  /** True if the body is being read and has not ended. */
  #isOpen = false
  #isOver = false
  #unwatch: (() => void) | undefined

  constructor(options: EventStreamBodyOptions) {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined
    super(
      {
        start(given) {
          controller = given
        },
        pull: () => this.#pull(),
        cancel: () => {
          this.#isOver = true
          this.#handle?.leave()
          this.#end()
        },
      },
      { highWaterMark: 0 },
    )
    this.#controller = controller as unknown as ReadableStreamDefaultController<Uint8Array>
    this.#options = options
    this.#reservation = options.reservation
  }

  /** The format of the connection, for a response without one. */
  get format(): FrameFormat {
    return this.#options.format ?? STANDARD
  }

  /** Sets the socket that the body goes out on. A middleware may have begun to read the body before. */
  onSocket(hooks: SocketHooks): void {
    this.#hooks = hooks
    if (this.#isOpen) hooks.onOpen()
  }

  /** Names the request that the body answers, and Node's response where there is one: they report that the client has gone. */
  register(request: Request, response?: NodeResponse): void {
    this.#request = request
    this.#response = response
    // Its client may have gone while `authorize` was pending.
    if (response?.destroyed === true) this.leave()
  }

  /** Opens the connection. From here on `sink` receives its chunks, and nothing reads the body where it is the runtime's own. */
  attach(sink: Sink): ConnectionHandle {
    this.#request = this.#response = undefined
    const { hub, connect, since } = this.#options
    const connection = connect(sink)
    hub.add(connection, since, this.#reservation)
    this.#reservation = undefined
    return new ConnectionHandle(hub, connection)
  }

  /** Ends the body because its client has gone: another reader, such as a clone of it, must not keep the connection open. */
  leave(): void {
    this.#handle?.leave()
    this.#close()
  }

  #pull(): void {
    if (this.#handle === undefined) this.#open()
    this.#handle?.pull()
  }

  #open(): void {
    const [request, response] = [this.#request, this.#response]
    // The request and its headers would take memory for as long as the stream lasts.
    this.#request = undefined
    // The client may have gone before something began to read.
    if (this.#hooks?.reportsClose !== true && !this.#watch(request)) return this.#close()
    this.#isOpen = true
    this.#hooks?.onOpen()
    const abort = () => {
      const hooks = this.#hooks
      this.#isOpen = false
      // A plain end, because some frameworks end the process or print a stack where a body fails.
      this.#close()
      if (hooks !== undefined) hooks.onAbort()
      else response?.destroy()
    }
    this.#handle = this.attach({
      write: (chunk) => {
        this.#controller.enqueue(chunk)
        // The next pull means that the client has taken this chunk.
        return false
      },
      close: () => this.#close(),
      breakOff: () => {
        // At its end the runtime would send a last chunk, and the client would take the body for a whole one.
        if (this.#hooks?.abortsByTimeout !== true) return abort()
        this.#isOpen = false
        this.#hooks.onAbort()
      },
      abort,
    })
  }

  /** Listens for the end of the client's socket. False: it has ended already. */
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
    this.#controller.close()
    this.#end()
  }

  #end(): void {
    this.#reservation?.release()
    this.#unwatch?.()
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#hooks?.onEnd()
  }
}
