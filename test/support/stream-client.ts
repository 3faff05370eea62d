import { connect, type Socket } from 'node:net'
import { EventSource, type FetchLike } from 'eventsource'
import { within } from './until.ts'

/** Of a raw connection; floods would cost their square. */
const KEEP_BYTES = 262_144

export interface Received {
  id: string
  msg: string
  /** On the clock of this process. */
  at: number
}

/** One `sser-gap` event. */
export interface GapNotice {
  /** On the clock of this process. */
  at: number
  /** How many events the client had received before it. */
  received: number
}

/** An `eventsource` client that records the events that it receives. */
export class StreamClient {
  readonly streams: readonly string[]
  readonly received: Received[] = []
  readonly gaps: string[] = []
  /** One for each of `gaps`. */
  readonly gapNotices: GapNotice[] = []
  /** How long it was without a stream, each time, in milliseconds: until a Pod gave it the first event again. */
  readonly silences: number[] = []
  /** How many of its streams have ended. */
  ends = 0
  /** Why it gave up: a browser never tries again after an answer like 503. */
  failure: string | undefined
  readonly #source: EventSource

  #endedAt: number | undefined

  private constructor(url: string, streams: readonly string[], fetch: FetchLike | undefined) {
    this.streams = streams
    this.#source = new EventSource(eventsUrl(url, streams), fetch && { fetch })
    this.#source.onmessage = ({ data, lastEventId }) => {
      this.#back()
      this.received.push({ id: lastEventId, msg: data, at: performance.now() })
    }
    this.#source.addEventListener('sser-gap', ({ data }) => {
      this.gaps.push(data)
      this.gapNotices.push({ at: performance.now(), received: this.received.length })
    })
    this.#source.addEventListener('sser-position', () => this.#back())
    this.#source.onerror = ({ code, message }) => {
      this.ends += 1
      this.#endedAt ??= performance.now()
      if (this.#source.readyState === EventSource.CLOSED) this.failure = `${code}: ${message}`
    }
  }

  /** Resolves when the Pod has greeted it: from then on it misses nothing. */
  static open(url: string, ...streams: string[]): Promise<StreamClient> {
    return StreamClient.openWith(undefined, url, ...streams)
  }

  /** As `open()`, with a `fetch` of its own. */
  static async openWith(
    fetch: FetchLike | undefined,
    url: string,
    ...streams: string[]
  ): Promise<StreamClient> {
    const client = new StreamClient(url, streams, fetch)
    clients.add(client)
    await within(`a client of ${url} is greeted`, client.greeted())
    return client
  }

  /** Resolves at the next position that the Pod gives: a greeting, or a heartbeat. */
  greeted(): Promise<void> {
    return new Promise((resolve) => {
      this.#source.addEventListener('sser-position', () => resolve(), { once: true })
    })
  }

  get messages(): string[] {
    return this.received.map(({ msg }) => msg)
  }

  #back(): void {
    if (this.#endedAt === undefined) return
    this.silences.push(performance.now() - this.#endedAt)
    this.#endedAt = undefined
  }

  close(): void {
    clients.delete(this)
    this.#source.close()
  }
}

const clients = new Set<StreamClient>()

/** For `afterEach`. */
export function closeClients(): void {
  for (const client of clients) client.close()
}

function eventsUrl(url: string, streams: readonly string[]): string {
  return `${url}/events?${new URLSearchParams(streams.map((stream) => ['stream', stream]))}`
}

/** A TCP connection that keeps the last received bytes, for requests that no HTTP client would send. */
export class RawClient {
  readonly socket: Socket
  bytes = Buffer.alloc(0)
  readonly closed: Promise<void>
  isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      const bytes = Buffer.concat([this.bytes, chunk])
      this.bytes = bytes.subarray(Math.max(0, bytes.byteLength - KEEP_BYTES))
    })
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true
        resolve()
      })
    })
  }

  /** `from`: the address that it has itself. */
  static async open(url: string, from?: string): Promise<RawClient> {
    const { hostname, port } = new URL(url)
    const host = hostname.replace(/[[\]]/g, '')
    const local = from === undefined ? {} : { localAddress: from }
    const socket = connect({ host, port: Number(port), noDelay: true, ...local })
    const raw = new RawClient(socket)
    await within(`${url} accepts`, new Promise<void>((resolve) => socket.once('connect', () => resolve())))
    return raw
  }

  /** Asks for events over HTTP/1.1, or the version given. */
  static async events(
    url: string,
    streams: readonly string[],
    version = '1.1',
    from?: string,
  ): Promise<RawClient> {
    const raw = await RawClient.open(url, from)
    const { pathname, search, host } = new URL(eventsUrl(url, streams))
    raw.socket.write(`GET ${pathname}${search} HTTP/${version}\r\nHost: ${host}\r\n\r\n`)
    return raw
  }

  get text(): string {
    return this.bytes.toString()
  }

  /** Returns the bytes received so far, and keeps them no longer. */
  take(): Buffer {
    const { bytes } = this
    this.bytes = Buffer.alloc(0)
    return bytes
  }

  /** Resolves when the text received since the last `take()` passes `test`. */
  async holds(label: string, test: (text: string) => boolean): Promise<string> {
    let look = () => {}
    const enough = new Promise<void>((resolve, reject) => {
      look = () => {
        if (test(this.text)) resolve()
        else if (this.isClosed) reject(new Error(`Closed before: ${label}; got ${this.text}`))
      }
      this.socket.on('data', look).on('close', look)
      look()
    })
    try {
      await within(label, enough)
    } finally {
      this.socket.off('data', look).off('close', look)
    }
    return this.text
  }
}
