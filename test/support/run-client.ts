import { setTimeout as delay } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { parseChunkId } from '../../src/wire/runs.ts'

const AGAIN_MS = 30

export interface RunClientOptions {
  name: string
  /** URL of the Pod for the next connection. */
  next(): string
  /** Time after which the client leaves its connection for the next one, in milliseconds. Default: it stays. */
  stayMs?(): number
}

/** An event about the producer, or the end. */
export interface RunNotice {
  event: string
  data: string
  /** On the clock of this process. */
  at: number
}

/** A client over sockets that reads a run whose chunks are their numbers, on one Pod after another, up to the end. */
export class RunClient {
  readonly name: string
  /** Number of the next chunk. */
  nextChunk = 0
  readonly faults: string[] = []
  readonly gaps: string[] = []
  /** `sser-interrupted`, `sser-resumed` and `sser-end`. */
  readonly notices: RunNotice[] = []
  /** Connections that a Pod has answered. */
  connections = 0
  /** The end that a Pod has told; `not-found`: no Pod knew the run. */
  end: { state: string; reason?: string } | undefined
  readonly #options: RunClientOptions
  #id = ''
  #isAfterGap = false
  #isClosed = false
  #connection = new AbortController()

  constructor(options: RunClientOptions) {
    this.name = options.name
    this.#options = options
    open.add(this)
    void this.#run().finally(() => open.delete(this))
  }

  close(): void {
    this.#isClosed = true
    this.#connection.abort()
  }

  get #isOver(): boolean {
    return this.#isClosed || this.end !== undefined || this.faults.length > 0
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const connection = new AbortController()
      this.#connection = connection
      try {
        await this.#read(this.#options.next(), connection)
      } catch {
        // The Pod refused or reset the connection, or the client has left.
      }
      if (!connection.signal.aborted && !this.#isOver) await delay(AGAIN_MS)
    }
  }

  async #read(url: string, connection: AbortController): Promise<void> {
    const { signal } = connection
    const headers: Record<string, string> = this.#id === '' ? {} : { 'last-event-id': this.#id }
    const response = await fetch(`${url}/events?run=${this.name}`, { headers, signal })
    if (response.status !== 200) {
      await response.body?.cancel()
      const code = response.headers.get('sser-error')
      if (code === 'run-not-found') this.end = { state: 'not-found' }
      // A Pod that drains refuses requests.
      else if (response.status !== 503)
        this.#fault(`${url} answered ${response.status} (${code}) to the id "${this.#id}"`)
      return
    }
    this.connections += 1
    const { stayMs } = this.#options
    const timer = stayMs && setTimeout(() => connection.abort(), stayMs())
    try {
      const parser = createParser({ onEvent: (event) => this.#take(event) })
      const decoder = new TextDecoder()
      for await (const bytes of response.body ?? []) {
        if (signal.aborted) return
        parser.feed(decoder.decode(bytes, { stream: true }))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #take({ id, event, data }: EventSourceMessage): void {
    if (id !== undefined) this.#id = id
    if (event === undefined) this.#takeChunk(Number(data), parseChunkId(id ?? '')?.index)
    else if (event === 'sser-gap') {
      this.gaps.push(data)
      this.#isAfterGap = true
    } else if (/^sser-(?:interrupted|resumed|end)$/.test(event)) {
      this.notices.push({ event, data, at: performance.now() })
      if (event === 'sser-end') this.end = JSON.parse(data)
    }
  }

  #takeChunk(number: number, index: number | undefined): void {
    const isNext = this.#isAfterGap ? number >= this.nextChunk : number === this.nextChunk
    if (!isNext) this.#fault(`received chunk ${number}, where ${this.nextChunk} was due`)
    if (index !== number) this.#fault(`received chunk ${number} with the id of chunk ${index}`)
    this.nextChunk = number + 1
    this.#isAfterGap = false
  }

  #fault(text: string): void {
    this.faults.push(`${this.name}: ${text}`)
  }
}

const open = new Set<RunClient>()

/** For `afterEach`. */
export function closeRunClients(): void {
  for (const client of open) client.close()
}
