import type { Sink } from '../../delivery/connection.ts'
import type { ConnectionHandle, EventStreamBody, SocketHooks } from '../../delivery/event-stream-body.ts'

/**
 * Bun's controller of a direct stream. A write returns the number of bytes, or a promise while the client's socket takes no
 * more; a flush passes on the small writes before, and returns their bytes.
 * @see https://bun.sh/docs/runtime/streams#direct-readablestream
 */
interface DirectController {
  write(chunk: Uint8Array | string): number | Promise<number>
  flush(wait?: true): number | Promise<number>
  end(): void
}

/**
 * The event stream as a direct stream of Bun, which passes each chunk to the socket in the call that writes it: a stream of the
 * Fetch standard takes a queue and two promises for each.
 */
export function directStream(
  body: EventStreamBody,
  request: Request,
  hooks: SocketHooks,
): ReadableStream<Uint8Array> {
  const sink = new DirectSink(body, request, hooks)
  const source = {
    type: 'direct',
    pull: (controller: DirectController) => sink.begin(controller),
    cancel: () => sink.leave(),
  }
  return new ReadableStream(source as unknown as UnderlyingDefaultSource<Uint8Array>)
}

/** Writes a connection's chunks to a direct stream. */
class DirectSink implements Sink {
  readonly #hooks: SocketHooks
  /** Until Bun begins to read, because they would take memory for as long as the stream lasts. */
  #opening: { body: EventStreamBody; request: Request } | undefined
  #controller: DirectController | undefined
  #handle: ConnectionHandle | undefined
  #resolve: (() => void) | undefined

  constructor(body: EventStreamBody, request: Request, hooks: SocketHooks) {
    this.#opening = { body, request }
    this.#hooks = hooks
  }

  /** Bun begins to read; it ends the response when the promise resolves. */
  begin(controller: DirectController): Promise<void> | undefined {
    if (this.#opening === undefined) return undefined
    const { body, request } = this.#opening
    // Its client may have gone before.
    if (request.signal.aborted) {
      this.leave()
      controller.end()
      return undefined
    }
    this.#opening = undefined
    this.#controller = controller
    const ended = new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
    this.#hooks.onOpen()
    this.#handle = body.attach(this)
    this.#handle.pull()
    return ended
  }

  /** The client has gone. */
  leave(): void {
    this.#opening?.body.leave()
    this.#opening = undefined
    this.#handle?.leave()
    this.#resolve?.()
  }

  write(chunk: Uint8Array): boolean {
    return this.#isTaken((this.#controller as DirectController).write(chunk))
  }

  writeText(text: string): boolean {
    return this.#isTaken((this.#controller as DirectController).write(text))
  }

  close(): void {
    this.#controller?.end()
    this.#resolve?.()
    this.#hooks.onEnd()
  }

  /** Without an end of the body, by which the client would take it for a whole one. */
  abort(): void {
    this.#hooks.onAbort()
  }

  #isTaken(written: number | Promise<number>): boolean {
    if (typeof written === 'number' && (this.#controller as DirectController).flush() === written) return true
    this.#pullOnceTaken(written)
    return false
  }

  /** Bun has the rest of the chunk, or has written a long one already, of which the flush tells nothing. */
  #pullOnceTaken(written: number | Promise<number>): void {
    const taken = typeof written === 'number' ? (this.#controller as DirectController).flush(true) : written
    void Promise.resolve(taken).then(
      () => this.#handle?.pull(),
      // The socket closes, which ends the connection.
      () => {},
    )
  }
}
