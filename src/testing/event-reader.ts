import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { describeValue } from '../errors.ts'
import type { GapReason } from '../wire/sse-frame.ts'

// Read while the module loads: a wait for an event must end although a test has faked the timers.
const { setTimeout, clearTimeout } = globalThis

/** An event as a client receives it. */
export interface ReceivedEvent {
  /** The client's last event id after this event, as `lastEventId` of a browser's `MessageEvent`; '' without one. */
  id: string
  /** The type: `message` where the sender named none, and `sser-gap` for a gap. */
  event: string
  data: string
  /** Why the client may have missed events before this one: for the event `sser-gap` alone. */
  gap?: GapReason
  /** The reconnection time in milliseconds, if the server has changed it since the last event. */
  retry?: number
}

/** Options of {@link EventReader.nextEvent} and {@link EventReader.take}. */
export interface WaitOptions {
  /**
   * Maximum wait in milliseconds of real time, also where the test has faked the timers.
   * @default 2_000
   */
  timeoutMs?: number | undefined
  /** Ends the wait; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** Options of {@link events}. */
export interface ReaderOptions {
  /** Closes the connection when it aborts, as a client that goes away. */
  signal?: AbortSignal | undefined
}

/**
 * Reads an event stream, as a browser would. `sser`'s own events other than gaps are not listed, because no handler of a
 * browser sees them; their ids count.
 * @throws TypeError where the response is not a 200 with an event stream; the message has the status and the code.
 * @example
 * const client = events(await app.request('/events?stream=orders'))
 * await sser.send('orders', 'two coffees')
 * expect(await client.nextEvent()).toMatchObject({ event: 'message', data: 'two coffees' })
 */
export function events(response: Response, options: ReaderOptions = {}): EventReader {
  if (response instanceof Promise)
    throw new TypeError('events(): expected a Response, got a promise; write events(await app.request(…))')
  if (typeof response?.headers?.get !== 'function')
    throw new TypeError(`events(): expected a Response, got ${describeValue(response)}`)
  const type = response.headers.get('content-type')
  if (response.status !== 200 || response.body === null || !type?.startsWith('text/event-stream')) {
    const code = response.headers.get('sser-error')
    throw new TypeError(
      `events(): expected 200 and text/event-stream, got ${response.status}${code === null ? '' : ` with Sser-Error: ${code}`} and ${type ?? 'no Content-Type'}`,
    )
  }
  return new EventReader(response.body, options)
}

/** The client of one event stream. It reads all the time, as a browser does, and keeps what it has received. */
export class EventReader implements AsyncIterable<ReceivedEvent> {
  /** Every event so far, in order. */
  readonly received: ReceivedEvent[] = []
  /** Resolves when the response has ended; rejects where its body fails. */
  readonly closed: Promise<void>
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #waiting = new Set<() => void>()
  #taken = 0
  #lastEventId = ''
  #retryMs: number | undefined
  #newRetryMs: number | undefined
  #end: { error?: unknown } | undefined

  constructor(body: ReadableStream<Uint8Array>, { signal }: ReaderOptions) {
    this.#reader = body.getReader()
    this.closed = this.#read()
    // A test that does not look at `closed` sees the error in its next wait.
    this.closed.catch(() => {})
    const abort = () => {
      this.#end ??= { error: signal?.reason }
      void this.close()
    }
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  }

  /** The id that a browser would send as `Last-Event-ID`; '' before the first one. */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** The reconnection time that the server has set, in milliseconds. */
  get retryMs(): number | undefined {
    return this.#retryMs
  }

  /** True if the response has ended. */
  get isClosed(): boolean {
    return this.#end !== undefined
  }

  /**
   * The next event that no earlier call has taken.
   * @throws DOMException `TimeoutError` after `timeoutMs`; Error where the response has ended; the signal's reason.
   */
  async nextEvent(options: WaitOptions = {}): Promise<ReceivedEvent> {
    await this.#wait(1, options)
    return this.received[this.#taken++] as ReceivedEvent
  }

  /** The next `count` events that no earlier call has taken, within one wait. @throws as {@link nextEvent} */
  async take(count: number, options: WaitOptions = {}): Promise<ReceivedEvent[]> {
    await this.#wait(count, options)
    this.#taken += count
    return this.received.slice(this.#taken - count, this.#taken)
  }

  /** Closes the connection, as a client that goes away. */
  async close(): Promise<void> {
    this.#finish()
    await this.#reader.cancel()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The events that no earlier call has taken, until the response ends. Leaving the loop closes the connection. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedEvent, void, void> {
    try {
      for (;;) {
        while (this.#taken < this.received.length) yield this.received[this.#taken++] as ReceivedEvent
        if (this.#end !== undefined) break
        await new Promise<void>((resolve) => this.#waiting.add(resolve))
      }
      if ('error' in this.#end) throw this.#end.error
    } finally {
      await this.close()
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    const parser = createParser({
      onEvent: (event) => this.#receive(event),
      onRetry: (ms) => {
        this.#retryMs = this.#newRetryMs = ms
      },
    })
    try {
      for (let chunk = await this.#reader.read(); !chunk.done; chunk = await this.#reader.read()) {
        parser.feed(decoder.decode(chunk.value, { stream: true }))
        this.#notify()
      }
      this.#finish()
    } catch (error) {
      this.#end ??= { error }
      this.#notify()
      throw error
    }
  }

  #receive({ id, event = 'message', data }: EventSourceMessage): void {
    this.#lastEventId = id ?? this.#lastEventId
    if (event === 'sser-position' || event === 'sser-retry') return
    const retry = this.#newRetryMs
    this.#newRetryMs = undefined
    this.received.push({
      id: this.#lastEventId,
      event,
      data,
      ...(event === 'sser-gap' && { gap: (JSON.parse(data) as { reason: GapReason }).reason }),
      ...(retry !== undefined && { retry }),
    })
  }

  async #wait(count: number, { timeoutMs = 2_000, signal }: WaitOptions): Promise<void> {
    signal?.throwIfAborted()
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#notify()
    }, timeoutMs)
    const notify = () => this.#notify()
    signal?.addEventListener('abort', notify, { once: true })
    try {
      while (this.received.length < this.#taken + count) {
        signal?.throwIfAborted()
        if (this.#end !== undefined)
          throw this.#end.error ?? new Error(this.#missing(count, 'the response has ended'))
        if (isLate)
          throw new DOMException(this.#missing(count, `${timeoutMs} ms have passed`), 'TimeoutError')
        await new Promise<void>((resolve) => this.#waiting.add(resolve))
      }
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', notify)
    }
  }

  #missing(count: number, reason: string): string {
    const last = this.received.at(-1)
    const seen =
      last === undefined
        ? 'none so far'
        : `${this.received.length} so far, the last one ${JSON.stringify(last)}`
    const missing = this.#taken + count - this.received.length
    return `Waited for ${missing} more ${missing === 1 ? 'event' : 'events'}, and ${reason}; received ${seen}`
  }

  #finish(): void {
    this.#end ??= {}
    this.#notify()
  }

  #notify(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
