import { randomUUID } from 'node:crypto'
import { QUERY_PARAMETER_NAME } from '../wire/v1.ts'
import { Recording } from './recording.ts'
import { type Exchange, sendRequest } from './request.ts'

/** The endpoint to test, and how to reach it. */
export interface Target {
  url: URL
  /** Headers of the user, which each request has beside the headers of the doctor. */
  headers: Readonly<Record<string, string>>
  /** Accepts any certificate. */
  insecure: boolean
  /** Time limit for the first event of a response, in milliseconds. */
  timeoutMs: number
}

/** No Pod can have assigned this id, so sser answers it with a gap. */
const UNKNOWN_ID = 'sser-doctor'
const ENCODINGS = 'gzip, deflate, br, zstd'
const STREAM = 'sser-doctor'

/** Adds the doctor's own stream to a URL that names no stream. */
export function withStreamName(url: URL): URL {
  const complete = new URL(url)
  if (!complete.searchParams.has(QUERY_PARAMETER_NAME))
    complete.searchParams.set(QUERY_PARAMETER_NAME, STREAM)
  complete.hash = ''
  return complete
}

export interface ProbeOptions {
  method?: 'GET' | 'HEAD'
  /** Sends an id that no Pod has assigned. */
  sendsLastEventId?: boolean
  /** Accepts no content coding. */
  refusesCompression?: boolean
  /** Makes the URL unique, so that no cache can have a response for it. */
  bypassesCache?: boolean
}

/** One request and the recording of its response. */
export class Probe {
  readonly exchange: Exchange
  /** Set when the head of the response arrives. */
  recording: Recording | undefined
  /** Set if no head can arrive any more. */
  error: Error | undefined
  readonly #head: Promise<void>

  private constructor(exchange: Exchange) {
    this.exchange = exchange
    this.#head = exchange.response.then(
      (response) => {
        this.recording = new Recording(response, exchange.sentAt)
      },
      (error: Error) => {
        this.error = error
      },
    )
  }

  /**
   * Sends a request as the `EventSource` of a browser does.
   *
   * @throws ConnectError
   */
  static async send({ url, headers, insecure }: Target, options: ProbeOptions = {}): Promise<Probe> {
    const target = new URL(url)
    if (options.bypassesCache) target.searchParams.set('sser-doctor', randomUUID())
    const request = {
      url: target,
      insecure,
      method: options.method ?? 'GET',
      headers: {
        accept: 'text/event-stream',
        'accept-encoding': options.refusesCompression ? 'identity' : ENCODINGS,
        'cache-control': 'no-cache',
        'user-agent': 'sser-doctor',
        ...(options.sendsLastEventId && { 'last-event-id': UNKNOWN_ID }),
        ...headers,
      },
    }
    return new Probe(await sendRequest(request))
  }

  /** Waits for the head of the response; resolves with false if neither it nor an error came within `ms`. */
  async waitForHead(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([this.#head, timeout])
    clearTimeout(timer)
    return this.recording !== undefined || this.error !== undefined
  }

  /** Waits for the first event; resolves with false if it did not come within `ms`. */
  async waitForFirstEvent(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms
    await this.waitForHead(ms)
    const { recording } = this
    if (recording === undefined) return false
    const isReceived = () => recording.firstEvent !== undefined
    return recording.until(isReceived, Math.max(0, deadline - performance.now()))
  }

  header(name: string): string | undefined {
    return this.recording?.response.headers.get(name)
  }

  close(): void {
    this.exchange.close()
  }
}

/** Sends probes to one target, and closes all of them at the end. */
export class Session {
  readonly target: Target
  readonly #probes: Probe[] = []

  constructor(target: Target) {
    this.target = target
  }

  /** @throws ConnectError */
  async probe(options: ProbeOptions = {}): Promise<Probe> {
    const probe = await Probe.send(this.target, options)
    this.#probes.push(probe)
    return probe
  }

  close(): void {
    for (const probe of this.#probes) probe.close()
  }
}
