import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import type { Clock } from '../../clock.ts'
import { BodyBuffer, decodeBody } from '../../http/body.ts'
import { ProtocolError, readStatus, StatusError } from './api-objects.ts'
import type { ApiAccess, Credentials } from './credentials.ts'

/** Time limit for the response head. */
const HEAD_MS = 10_000
/** Maximum bytes read of an error response. */
const STATUS_BYTES = 65_536

/** A successful response with an unread body. */
export interface ApiResponse {
  /** Time of the server in milliseconds since 1970, from `Date`; NaN without that header. */
  date: number
  body: AsyncIterable<Uint8Array>
}

/**
 * Sends requests to the API server over one connection that is kept alive. Uses `node:https`, because it takes a CA on Node
 * and on Bun: `fetch` does not on Node, and the client library's `fetch` loses it on Bun.
 */
export class ApiTransport {
  /** Requests sent, and body bytes received. */
  requests = 0
  bytes = 0
  /** Host and namespace of the latest request. */
  host = ''
  namespace = ''
  readonly #credentials: Credentials
  #agent = newAgent()

  constructor(credentials: Credentials) {
    this.#credentials = credentials
  }

  /**
   * Resolves with the head of a successful response.
   * @throws StatusError for every other response; the error of the connection; the reason of `deadline`.
   */
  async get(pathOf: (namespace: string) => string, deadline: RequestDeadline): Promise<ApiResponse> {
    const access = await this.#credentials.read()
    deadline.signal.throwIfAborted()
    this.host = access.server.host
    this.namespace = access.namespace
    const cancel = deadline.abortAfter(HEAD_MS, `No answer within ${HEAD_MS / 1_000} s`)
    const response = await this.#send(access, pathOf(access.namespace), deadline)
    cancel()
    const body = this.#read(response, deadline)
    const { location } = response.headers
    if (response.statusCode === 200) return { date: Date.parse(response.headers.date ?? ''), body }
    // Errors are ignored, because the status is known even if a proxy's page is endless or the connection breaks.
    const text = await readText(body, STATUS_BYTES).catch(() => '')
    deadline.signal.throwIfAborted()
    throw new StatusError(location === undefined ? readStatus(text) : redirect(location, access.server), {
      code: response.statusCode ?? 0,
      retryAfterMs: retryAfterMs(response),
    })
  }

  /** Closes every connection; the next request opens a new one. */
  reset(): void {
    this.#agent.destroy()
    this.#agent = newAgent()
  }

  #send(
    { headers, server, tls }: ApiAccess,
    path: string,
    { signal }: RequestDeadline,
  ): Promise<IncomingMessage> {
    this.requests += 1
    return new Promise((resolve, reject) => {
      const sent = request(new URL(server.pathname.replace(/\/$/, '') + path, server), {
        // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not send the token to an impostor of the API server.
        rejectUnauthorized: true,
        ...tls,
        agent: this.#agent,
        headers: { accept: 'application/json', 'user-agent': 'sser', ...headers },
      })
      signal.addEventListener('abort', () => sent.destroy(signal.reason), { once: true })
      sent.once('response', resolve)
      sent.on('error', (error) => {
        // Other connections may be dead as well.
        this.reset()
        reject(error)
      })
      sent.end()
    })
  }

  async *#read(response: IncomingMessage, deadline: RequestDeadline): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        deadline.signal.throwIfAborted()
        this.bytes += chunk.byteLength
        yield chunk
      }
      deadline.signal.throwIfAborted()
    } catch (error) {
      this.reset()
      // The stream's error says only that it was aborted; the deadline's has the reason.
      throw deadline.signal.aborted ? deadline.signal.reason : error
    } finally {
      if (!response.complete) response.destroy()
    }
  }
}

/** A body exceeds the memory limit. */
export class TooLongError extends ProtocolError {}

/** Reads the whole body. @throws TooLongError if it is longer than `maxBytes`. */
export async function readText(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const buffer = new BodyBuffer(maxBytes)
  for await (const piece of body) {
    add(
      buffer,
      piece,
      () => new TooLongError(`A response of more than ${maxBytes} bytes, or of too small pieces`),
    )
  }
  return decodeBody(buffer.take())
}

/** Yields the lines of a body. @throws ProtocolError if one is longer than `maxBytes`; Error if the last is incomplete. */
export async function* readLines(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  const buffer = new BodyBuffer(maxBytes)
  const tooLong = () =>
    new ProtocolError(`A watch event of more than ${maxBytes} bytes, or of too small pieces`)
  for await (const chunk of body) {
    let from = 0
    for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
      add(buffer, chunk.subarray(from, to), tooLong)
      yield decodeBody(buffer.take())
      from = to + 1
    }
    if (from < chunk.byteLength) add(buffer, chunk.subarray(from), tooLong)
  }
  if (buffer.byteLength > 0) throw new Error('The watch ended inside a line')
}

function add(buffer: BodyBuffer, piece: Uint8Array, tooLong: () => Error): void {
  try {
    buffer.add(piece)
  } catch {
    throw tooLong()
  }
}

/** Redirects are not followed, because the token is for the API server alone. */
function redirect(location: string, server: URL): { message: string } {
  const host = URL.canParse(location, server.href) ? new URL(location, server).host : 'nowhere'
  return { message: `it redirects to ${host}, and redirects are not followed` }
}

function newAgent(): Agent {
  return new Agent({ keepAlive: true, keepAliveMsecs: 15_000 })
}

function retryAfterMs({ headers }: IncomingMessage): number | undefined {
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.parse(headers.date ?? '')
  return Number.isNaN(ms) ? undefined : ms
}

/** Time limits of one request. Its signal aborts when the first limit passes, and when the finder stops. */
export class RequestDeadline {
  readonly #clock: Clock
  readonly #parent: AbortSignal
  readonly #controller = new AbortController()
  readonly #cancels = new Set<() => void>()
  readonly #onAbort = () => this.#controller.abort(this.#parent.reason)

  constructor(clock: Clock, parent: AbortSignal) {
    this.#clock = clock
    this.#parent = parent
    if (parent.aborted) this.#onAbort()
    parent.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Aborts the request after `ms` milliseconds with an error of this message. Returns a function that cancels the limit. */
  abortAfter(ms: number, message: string): () => void {
    const cancel = this.#clock.after(ms, () => this.#controller.abort(new Error(message)))
    this.#cancels.add(cancel)
    return () => {
      cancel()
      this.#cancels.delete(cancel)
    }
  }

  /** Cancels every limit, because the request is over. */
  end(): void {
    for (const cancel of this.#cancels) cancel()
    this.#parent.removeEventListener('abort', this.#onAbort)
  }
}
