import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { decodeBody } from '../../http/body.ts'
import { BodyBuffer } from '../../http/body-buffer.ts'
import { ProtocolError, readStatus, StatusError } from './answer.ts'
import type { Access, Credentials } from './credentials.ts'
import type { Limits } from './limits.ts'

/** How long an answer's head may take. */
const HEAD_MS = 10_000
/** What is read of an answer that is no success. */
const STATUS_BYTES = 65_536

/** An answer that is a success, and whose body is still to come. */
export interface Answer {
  /** The server's clock, in milliseconds since 1970; NaN where it does not tell. */
  date: number
  body: AsyncIterable<Uint8Array>
}

/**
 * Asks the API server, by `node:https`, which Node and Bun both do right: `fetch` takes no CA on Node, and the
 * client library's `fetch` loses it on Bun. One connection is kept alive and used again and again.
 */
export class Transport {
  /** Requests that were sent, and bytes of bodies that came. */
  requests = 0
  bytes = 0
  /** Whom the latest request asked, and for which namespace. */
  host = ''
  namespace = ''
  readonly #credentials: Credentials
  #agent = newAgent()

  constructor(credentials: Credentials) {
    this.#credentials = credentials
  }

  /**
   * Resolves with the head of a success.
   * @throws StatusError for any other answer; what the connection failed with; the reason of `limits`.
   */
  async get(pathOf: (namespace: string) => string, limits: Limits): Promise<Answer> {
    const access = await this.#credentials.read()
    limits.signal.throwIfAborted()
    this.host = access.server.host
    this.namespace = access.namespace
    const cancel = limits.after(HEAD_MS, `No answer within ${HEAD_MS / 1_000} s`)
    const response = await this.#send(access, pathOf(access.namespace), limits)
    cancel()
    const body = this.#read(response, limits)
    const { location } = response.headers
    if (response.statusCode === 200) return { date: Date.parse(response.headers.date ?? ''), body }
    // A proxy's page may be endless, and the connection may break: the status is known all the same.
    const text = await readText(body, STATUS_BYTES).catch(() => '')
    limits.signal.throwIfAborted()
    throw new StatusError(location === undefined ? readStatus(text) : redirect(location, access.server), {
      code: response.statusCode ?? 0,
      retryAfterMs: retryAfterMs(response),
    })
  }

  /** Gives up every connection; the next request opens a new one. */
  reset(): void {
    this.#agent.destroy()
    this.#agent = newAgent()
  }

  #send({ headers, server, tls }: Access, path: string, { signal }: Limits): Promise<IncomingMessage> {
    this.requests += 1
    return new Promise((resolve, reject) => {
      const sent = request(new URL(server.pathname.replace(/\/$/, '') + path, server), {
        // Said, so that NODE_TLS_REJECT_UNAUTHORIZED does not hand the token to a false API server.
        rejectUnauthorized: true,
        ...tls,
        agent: this.#agent,
        headers: { accept: 'application/json', 'user-agent': 'sser', ...headers },
      })
      signal.addEventListener('abort', () => sent.destroy(signal.reason), { once: true })
      sent.once('response', resolve)
      sent.on('error', (error) => {
        // Where one connection is dead, another may be.
        this.reset()
        reject(error)
      })
      sent.end()
    })
  }

  async *#read(response: IncomingMessage, limits: Limits): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        limits.signal.throwIfAborted()
        this.bytes += chunk.byteLength
        yield chunk
      }
      limits.signal.throwIfAborted()
    } catch (error) {
      this.reset()
      // The stream only says that it was aborted; the limit says why.
      throw limits.signal.aborted ? limits.signal.reason : error
    } finally {
      if (!response.complete) response.destroy()
    }
  }
}

/** A body is longer than what is taken into memory. */
export class TooLongError extends ProtocolError {}

/** The whole body. @throws TooLongError if it is longer than `mostBytes`. */
export async function readText(body: AsyncIterable<Uint8Array>, mostBytes: number): Promise<string> {
  const buffer = new BodyBuffer(mostBytes)
  for await (const piece of body) {
    add(
      buffer,
      piece,
      () => new TooLongError(`An answer of more than ${mostBytes} bytes, or of too small pieces`),
    )
  }
  return decodeBody(buffer.take())
}

/** The body's lines. @throws ProtocolError if one is longer than `mostBytes`; Error if the last is not whole. */
export async function* readLines(body: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<string> {
  const buffer = new BodyBuffer(mostBytes)
  const tooLong = () =>
    new ProtocolError(`A watch event of more than ${mostBytes} bytes, or of too small pieces`)
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

/** Nobody follows it: the token is for the API server alone. */
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
