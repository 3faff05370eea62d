import { EventSource } from 'eventsource'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

/** The data of each event. */
interface Payload {
  number: number
  /** On the clock of `performance` of the process that sends and receives. */
  sentAt: number
}

/** A client of one proxy, which reconnects as its kind does, and records every event that it receives. */
export abstract class ProxiedClient {
  readonly delaysMs: number[] = []
  /** Statuses other than 200. */
  readonly refusals: number[] = []
  gaps = 0
  duplicates = 0
  readonly #numbers = new Set<number>()

  /** Whether it receives events now. */
  abstract get isOpen(): boolean
  /** Whether it has given up for good. */
  abstract get isClosed(): boolean
  abstract close(): void

  /** How many of the events up to `count` it lacks. */
  missing(count: number): number {
    return count - this.#numbers.size
  }

  protected take(event: string, data: string): void {
    if (event === 'sser-gap') this.gaps += 1
    if (event.startsWith('sser-')) return
    const { number, sentAt } = JSON.parse(data) as Payload
    this.delaysMs.push(performance.now() - sentAt)
    if (this.#numbers.has(number)) this.duplicates += 1
    this.#numbers.add(number)
  }
}

/** A page's `EventSource`: an answer other than 200 closes it for good. */
export class EventSourceClient extends ProxiedClient {
  readonly #source: EventSource

  constructor(url: string) {
    super()
    this.#source = new EventSource(url, {
      fetch: async (target, init) => {
        const response = await fetch(target, init)
        if (response.status !== 200) this.refusals.push(response.status)
        return response
      },
    })
    for (const type of ['message', 'sser-gap']) {
      this.#source.addEventListener(type, ({ data }) => this.take(type, data))
    }
  }

  get isOpen(): boolean {
    return this.#source.readyState === EventSource.OPEN
  }

  get isClosed(): boolean {
    return this.#source.readyState === EventSource.CLOSED
  }

  close(): void {
    this.#source.close()
  }
}

/** A loop around `fetch` that sends the last id, as libraries for requests with headers of their own do. */
export class FetchClient extends ProxiedClient {
  readonly #url: string
  readonly #abort = new AbortController()
  readonly isClosed = false
  isOpen = false
  #lastId = ''
  #retryMs = 500

  constructor(url: string) {
    super()
    this.#url = url
    void this.#run()
  }

  close(): void {
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        await this.#read()
      } catch {
        // The connection was refused or cut: it tries again.
      }
      this.isOpen = false
      await new Promise((resolve) => setTimeout(resolve, this.#retryMs))
    }
  }

  async #read(): Promise<void> {
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (this.#lastId !== '') headers['last-event-id'] = this.#lastId
    const response = await fetch(this.#url, { headers, signal: this.#abort.signal })
    if (response.status !== 200 || response.body === null) {
      this.refusals.push(response.status)
      await response.body?.cancel()
      return
    }
    const parser = createParser({
      onEvent: (event) => this.#onEvent(event),
      onRetry: (ms) => {
        this.#retryMs = ms
      },
    })
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text)
  }

  #onEvent({ id, event = 'message', data }: EventSourceMessage): void {
    this.isOpen = true
    if (id !== undefined) this.#lastId = id
    this.take(event, data)
  }
}
