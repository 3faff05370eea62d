import { createParser } from 'eventsource-parser'

const AGAIN_MS = 30

/** A client that moves from Pod to Pod every few hundred ms and says each time where it was. */
export class RoamingClient {
  readonly streams: readonly string[]
  readonly messages: string[] = []
  readonly gaps: string[] = []
  /** Connections that a Pod greeted, and how many of them resumed from an id. */
  greetings = 0
  resumes = 0
  /** Whether the open connection was greeted. */
  isGreeted = false
  /** Why the loop ended, if it was not closed. */
  error: unknown
  #id = ''
  #next: number
  #isSettled = false
  #isClosed = false
  #connection = new AbortController()
  readonly #urls: readonly string[]

  constructor(urls: readonly string[], first: number, streams: readonly string[]) {
    this.#urls = urls
    this.#next = first
    this.streams = streams
    this.#run().catch((error) => {
      this.error = error
    })
  }

  /** From now on it stays where it is for as long as that Pod lets it. */
  settle(): void {
    this.#isSettled = true
  }

  close(): void {
    this.#isClosed = true
    this.#connection.abort()
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const url = this.#urls[this.#next % this.#urls.length] as string
      // To either neighbour, so that the clients do not move in step.
      this.#next += 1 + Math.floor(Math.random() * 2)
      const connection = new AbortController()
      this.#connection = connection
      const hop = setTimeout(
        () => {
          if (!this.#isSettled) connection.abort()
        },
        150 + Math.random() * 350,
      )
      try {
        await this.#read(url, connection.signal)
      } catch {
        // Refused, reset, or hopped.
      }
      this.isGreeted = false
      clearTimeout(hop)
      if (!connection.signal.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }

  async #read(url: string, signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams(this.streams.map((stream) => ['stream', stream]))
    const headers: Record<string, string> = this.#id === '' ? {} : { 'Last-Event-ID': this.#id }
    const response = await fetch(`${url}/events?${query}`, { headers, signal })
    if (response.status !== 200 || response.body === null) {
      this.gaps.push(`answered ${response.status}`)
      return
    }
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (id !== undefined) this.#id = id
        if (!this.isGreeted) {
          this.isGreeted = true
          this.greetings += 1
          if (headers['Last-Event-ID'] !== undefined) this.resumes += 1
        }
        if (event === 'sser-gap') this.gaps.push(data)
        else if (event === undefined) this.messages.push(data)
      },
    })
    const text = new TextDecoder()
    for await (const chunk of response.body) {
      if (signal.aborted) return
      parser.feed(text.decode(chunk, { stream: true }))
    }
  }
}
