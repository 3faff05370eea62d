import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Clock } from '../clock.ts'
import { SserError, type SserErrorCode } from '../errors.ts'
import { addressOf } from '../http/address.ts'
import { JSON_TYPE } from '../http/body.ts'
import { BodyBudget, BodyReader } from '../http/body-reader.ts'
import { crossOriginPostError } from '../http/web-pages.ts'
import type { SendOptions } from '../instance/sender.ts'
import type { Receipt } from '../replication/receipt.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { messageTooLarge } from '../wire/names.ts'
import {
  checkEvent,
  type ParsedEvents,
  type PublishedEvent,
  parseItems,
  parseJson,
  parseLines,
} from './events.ts'

/** Maximum number of requests that are answered at once. */
const MAX_REQUESTS = 256
/** Maximum bytes of a body with several events, or six times `maxMessageBytes`, because JSON may write a byte as six. */
const MAX_BODY_BYTES = 1_048_576
/** Maximum bytes of all bodies that are being read. */
const MAX_BUFFERED_BYTES = 16_777_216

const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines) *(?:;|$)/i

export interface PublishOptions {
  /** False: middleware of the app decides who publishes. */
  publishToken: string | readonly string[] | false
  maxMessageBytes: number
  bodyTimeoutMs: number
  clock: Clock
  errors: ErrorReporter
  send(stream: string, msg: string, options: SendOptions): Promise<Receipt>
}

/** The sub-app that sends the events of its requests. */
export function publishRoutes(options: PublishOptions): Hono {
  const endpoint = new PublishEndpoint(options)
  return new Hono().all('/', (c) => endpoint.answer(c))
}

/** Errors of a request with a body that was not read, or not to its end: its connection cannot be used again. */
const UNREAD: ReadonlySet<SserErrorCode> = new Set([
  'unauthorized',
  'forbidden-origin',
  'unsupported-media-type',
  'invalid-parameter',
  'body-timeout',
  'body-too-large',
  'message-too-large',
  'overloaded',
])

/** `POST /?stream=NAME` sends its body, and `POST /` the events of its JSON or NDJSON. The answer is the receipt. */
class PublishEndpoint {
  readonly #options: PublishOptions
  readonly #token: PublishToken | undefined
  readonly #bodyReader: BodyReader
  #requests = 0

  constructor(options: PublishOptions) {
    this.#options = options
    const { publishToken, clock, bodyTimeoutMs } = options
    this.#token = publishToken === false ? undefined : new PublishToken([publishToken].flat())
    this.#bodyReader = new BodyReader({
      clock,
      budget: new BodyBudget(MAX_BUFFERED_BYTES),
      timeoutMs: bodyTimeoutMs,
    })
  }

  async answer(c: Context): Promise<Response> {
    if (c.req.method !== 'POST') return c.text('Method Not Allowed\n', 405, { allow: 'POST' })
    try {
      await this.#admit(c.req.raw.headers)
    } catch (error) {
      return this.#refuse(c, error)
    }
    this.#requests += 1
    try {
      return await this.#publish(c)
    } catch (error) {
      return this.#refuse(c, error)
    } finally {
      this.#requests -= 1
    }
  }

  /** Checks the head of a request, before its body costs anything. @throws SserError */
  async #admit(headers: Headers): Promise<void> {
    if (this.#token !== undefined) await this.#token.check(headers)
    const error = this.#token === undefined ? crossOriginPostError(headers) : undefined
    if (error !== undefined) throw error
    const encoding = headers.get('content-encoding') ?? 'identity'
    if (encoding !== 'identity')
      throw new SserError('unsupported-media-type', 'Expected a body without a Content-Encoding')
    if (this.#requests >= MAX_REQUESTS)
      throw new SserError('overloaded', `More than ${MAX_REQUESTS} requests are being answered`)
  }

  async #publish(c: Context): Promise<Response> {
    const type = c.req.header('content-type') ?? ''
    const streams = c.req.queries('stream') ?? []
    const key = idempotencyKeyOf(c.req.header('idempotency-key'))
    if (streams.length > 1)
      throw new SserError(
        'invalid-parameter',
        `The parameter "stream" of the URL: expected one, got ${streams.length}`,
      )
    const [stream] = streams
    if (stream !== undefined) {
      const event = { stream, data: await this.#read(c), event: c.req.query('event'), idempotencyKey: key }
      return this.#sendOne(c, checkEvent(event, this.#options.maxMessageBytes))
    }
    const isLines = LINES_TYPE.test(type)
    if (!isLines && !JSON_TYPE.test(type))
      throw new SserError(
        'unsupported-media-type',
        'Expected ?stream=NAME in the URL and the message as the body, or the Content-Type application/json or application/x-ndjson',
      )
    const maxBytes = Math.max(MAX_BODY_BYTES, 6 * this.#options.maxMessageBytes + 4_096)
    const { maxMessageBytes } = this.#options
    const body = await this.#bodyReader.read(c.req.raw, maxBytes, addressOf(c.req.raw, c.env, 0), c.env)
    const value = isLines ? undefined : parseJson(body)
    if (!isLines && !Array.isArray(value))
      return this.#sendOne(c, withKey(checkEvent(value, maxMessageBytes), key))
    if (key !== undefined)
      throw new SserError(
        'invalid-idempotency-key',
        'The header Idempotency-Key is for one event: give each of several its own field "idempotencyKey"',
      )
    if (isLines) return this.#sendAll(c, parseLines(body, maxMessageBytes), 'line')
    return this.#sendAll(c, parseItems(value as unknown[], maxMessageBytes), 'item')
  }

  /** The body as one message. */
  async #read(c: Context): Promise<string> {
    const { maxMessageBytes } = this.#options
    try {
      return await this.#bodyReader.read(c.req.raw, maxMessageBytes, addressOf(c.req.raw, c.env, 0), c.env)
    } catch (error) {
      const isTooLarge = error instanceof SserError && error.code === 'body-too-large'
      throw isTooLarge ? messageTooLarge(maxMessageBytes) : error
    }
  }

  async #sendOne(c: Context, event: PublishedEvent): Promise<Response> {
    const receipt = await this.#send(c, event)
    return c.json(receipt, isDelivered(receipt) ? 200 : 202)
  }

  /** Sends the events in order, up to the first invalid one, and answers with the result of each. */
  async #sendAll(c: Context, { events, error }: ParsedEvents, noun: 'line' | 'item'): Promise<Response> {
    if (events.length === 0 && error === undefined)
      throw new SserError('invalid-json', `Expected at least one event, each as one ${noun}`)
    // All calls before the first receipt, so that the time of many events is about that of one.
    const settled = await Promise.allSettled(events.map(({ event }) => this.#send(c, event)))
    const results: object[] = []
    let first = error?.error
    let sent = 0
    let isComplete = true
    for (const [i, result] of settled.entries()) {
      const place = { [noun]: events[i]?.place }
      if (result.status === 'fulfilled') {
        sent += 1
        isComplete &&= isDelivered(result.value)
        results.push({ ...place, receipt: result.value })
      } else {
        if (!(result.reason instanceof SserError)) throw result.reason
        // It comes before the invalid event.
        if (first === undefined || first === error?.error) first = result.reason
        results.push({ ...place, error: described(result.reason) })
      }
    }
    if (error !== undefined) results.push({ [noun]: error.place, error: described(error.error) })
    if (first === undefined) return c.json({ sent, results }, isComplete ? 200 : 202)
    this.#options.errors.countRejected(first.code)
    return c.json({ sent, results }, first.status as ContentfulStatusCode, { 'sser-error': first.code })
  }

  #send(c: Context, { stream, data, event, idempotencyKey }: PublishedEvent): Promise<Receipt> {
    return this.#options.send(stream, data, {
      event,
      idempotencyKey,
      traceparent: c.req.header('traceparent'),
    })
  }

  #refuse(c: Context, error: unknown): Response {
    if (!(error instanceof SserError)) throw error
    const { code, message, status } = error
    this.#options.errors.countRejected(code)
    return c.json({ error: { code, message } }, status as ContentfulStatusCode, {
      'sser-error': code,
      ...(code === 'unauthorized' && { 'www-authenticate': 'Bearer' }),
      ...(status === 503 && { 'retry-after': '1' }),
      ...(UNREAD.has(code) && { connection: 'close' }),
    })
  }
}

function described({ code, message }: SserError): object {
  return { code, message }
}

/** Returns whether every peer has the event. */
function isDelivered({ peers }: Receipt): boolean {
  return peers.every(({ status }) => status === 'delivered')
}

function withKey(event: PublishedEvent, key: string | undefined): PublishedEvent {
  if (key === undefined) return event
  if (event.idempotencyKey === undefined) return { ...event, idempotencyKey: key }
  throw new SserError(
    'invalid-idempotency-key',
    'Expected the header Idempotency-Key or the field "idempotencyKey", got both',
  )
}

/**
 * The key of the header. A quoted one, as the draft of the IETF writes it, is the same key as without quotes.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
function idempotencyKeyOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : (/^"(.*)"$/.exec(header)?.[1] ?? header)
}

const encoder = new TextEncoder()

/** Compares the token of a request with those of this Pod. */
export class PublishToken {
  readonly #digests: Promise<readonly Uint8Array[]>

  constructor(tokens: readonly string[]) {
    this.#digests = Promise.all(tokens.map(digest))
    // It is awaited at the first request.
    this.#digests.catch(() => {})
  }

  /**
   * Checks the header `Authorization`. Compares digests, and all of them, because the time of a comparison of texts tells
   * how far a guess is right.
   * @throws SserError `unauthorized`
   * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
   */
  async check(headers: Headers): Promise<void> {
    const [, token] = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '') ?? []
    const received = await digest(token ?? '')
    let isKnown = false
    for (const expected of await this.#digests) if (isEqual(received, expected)) isKnown = true
    if (token !== undefined && isKnown) return
    const problem = token === undefined ? 'the header is missing' : 'the token is wrong'
    throw new SserError(
      'unauthorized',
      `Expected the header "Authorization: Bearer TOKEN" with the option publishToken of this Pod; ${problem}`,
    )
  }
}

async function digest(token: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(token)))
}

/** Compares in the same time, wherever the bytes differ. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}
