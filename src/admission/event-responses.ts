import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { MAX_TIMER_MS } from '../clock.ts'
import { SserError, type SserErrorCode } from '../errors.ts'
import { nodeResponseIn, withConnectionClose } from '../http/fetch-handler.ts'
import { describeValue } from '../printable.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Logging } from '../telemetry/logging.ts'
import { type Dialect, frameFormat, retryFrame } from '../wire/sse-frame.ts'
import { acceptsOnlyEventStream } from './accept-header.ts'
import type { AdmissionOptions, Admitted } from './admit.ts'
import type { RunAdmission } from './admit-run.ts'
import { endsConnection, ResponseSocket } from './response-socket.ts'

export interface EventResponsesOptions extends AdmissionOptions {
  errors: ErrorReporter
  isDraining(): boolean
  /** Returns whether `start()` was called. */
  isStarted(): boolean
  logging: Pick<Logging, 'warn' | 'warnOncePerMinute'>
}

/** Makes a response, with the headers that the app has set in Hono's context. */
type Respond = (
  body: ReadableStream | string | null,
  status: ContentfulStatusCode | 204,
  headers: Record<string, string>,
) => Response

/** One request for events, and the function that makes its response. */
export interface Exchange {
  request: Request
  env: unknown
  dialect: Dialect
  respond: Respond
  /** True if the client reads a run. */
  isRun?: boolean
}

/** Why a response has no connection, and when its client is to come back. */
interface Refusal {
  code: SserErrorCode
  retryMs: number
}

/** Set explicitly, because the app may have set another type in Hono's context. */
export const TEXT: Record<string, string> = { 'content-type': 'text/plain; charset=utf-8' }
/**
 * Minimum time after which a client that a limit refused is to come back, in milliseconds, or the option `retryMs` where that
 * is longer; the maximum is twice as long, so that clients do not return all at once.
 */
const MIN_REFUSED_RETRY_MS = 5_000
const NOT_STARTED =
  'a client came, and gets no event, because this instance was not started: await serve({ sser, … }), or join({ sser, … }) where another server has the public port'

/** The responses of an endpoint: event streams, and refusals in plain text, their code in `Sser-Error`. */
export class EventResponses {
  readonly #options: EventResponsesOptions
  readonly #socket: ResponseSocket
  /** Distinguishes the responses of this instance from those of others. */
  readonly #etag = crypto.randomUUID()
  /** Responses to a `GET` so far. */
  #responses = 0
  #hasWarned = false

  constructor(options: EventResponsesOptions) {
    this.#options = options
    this.#socket = new ResponseSocket({
      heartbeatMs: options.settings.heartbeatMs,
      warn: (message) => options.logging.warn(message),
    })
  }

  /** Answers a request for a run. A client that has the end is answered 204, after which an EventSource stays away. */
  async ofRun(exchange: Exchange, admission: Promise<RunAdmission>): Promise<Response> {
    try {
      const admitted = await admission
      if (admitted !== 'at-end') return this.accept(exchange, admitted)
    } catch (error) {
      return this.refuse(exchange, error)
    }
    return this.closeIfDraining(exchange.respond(null, 204, { 'cache-control': 'no-store' }))
  }

  /** Answers 200 even without a connection, because an EventSource gives up after any other status. */
  accept(exchange: Exchange, admitted: Admitted | undefined, refusal?: Refusal): Response {
    if (admitted === undefined && !this.#options.isStarted()) this.#warnNotStarted()
    if (admitted === undefined && exchange.isRun === true && !isEventSource(exchange))
      return this.#unavailable(exchange, refusal)
    try {
      return this.#respond(exchange, admitted, refusal)
    } catch (error) {
      admitted?.body.leave()
      throw error
    }
  }

  /** Answers 503: other clients than an EventSource would take an empty response for a run without a chunk. */
  #unavailable({ respond, request }: Exchange, refusal: Refusal | undefined): Response {
    const retryMs = refusal?.retryMs ?? this.#options.settings.retryMs
    const headers = {
      ...TEXT,
      'cache-control': 'no-store',
      'retry-after': `${Math.ceil(retryMs / 1_000)}`,
      ...(refusal !== undefined && { 'sser-error': refusal.code }),
    }
    const text = 'This Pod serves no run at the moment: come back\n'
    return this.closeIfDraining(respond(request.method === 'HEAD' ? null : text, 503, headers))
  }

  #respond(
    { request, env, dialect, respond }: Exchange,
    admitted: Admitted | undefined,
    { code, retryMs }: Partial<Refusal> = {},
  ): Response {
    const isHead = request.method === 'HEAD'
    const reason = code ?? (this.#options.isDraining() ? 'draining' : 'not-ready')
    const refusedMs = retryMs ?? this.#options.settings.retryMs
    const body = isHead ? null : (admitted?.body ?? frameFormat(dialect).own(retryFrame(refusedMs, reason)))
    const etag = `W/"${this.#etag}-${this.#responses}"`
    if (!isHead) this.#responses += 1
    const response = respond(body, 200, {
      // With the charset, because clients with Python's requests otherwise read text/* as ISO-8859-1.
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': admitted === undefined ? 'no-store, no-transform' : 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      // Without it a middleware that computes entity tags, such as hono/etag, would read the stream to its end. Each response
      // has a tag of its own, so that no conditional request matches.
      etag,
      ...(code !== undefined && { 'sser-error': code }),
      ...(admitted?.resume && { 'sser-resume': admitted.resume }),
      // Set here, because changing the headers of a response later makes objects that last as long as the stream.
      ...(admitted !== undefined && endsConnection(env) && { connection: 'close' }),
    })
    if (admitted === undefined) return this.closeIfDraining(response)
    admitted.body.register(request, nodeResponseIn(env))
    if (isHead) admitted.body.leave()
    this.#socket.prepare(request, env, admitted.body)
    return response
  }

  /** Answers an SserError. Rethrows any other error for the app. */
  refuse(exchange: Exchange, error: unknown): Response {
    if (!(error instanceof SserError)) throw error
    const { errors, settings, logging } = this.#options
    const { code, message } = error
    errors.countRejected(code)
    if (code === 'authorization-failed') {
      errors.report(error, { stage: 'authorize' })
      // A session store that fails for a moment must not end an EventSource for good.
      return this.accept(exchange, undefined, { code, retryMs: settings.retryMs })
    }
    // After 204 an EventSource stops reconnecting.
    const status = code === 'blocked' ? 204 : error.status
    const headers: Record<string, string> = { 'sser-error': code, ...(status !== 204 && TEXT) }
    if (status === 429) {
      logging.warnOncePerMinute(
        `refused ${code}`,
        `refuses clients until there is room: ${message} (${code})`,
      )
      const retryMs = this.#refusedRetryMs()
      // Nor must a limit, because an EventSource does not reconnect after a 429.
      if (isEventSource(exchange)) return this.accept(exchange, undefined, { code, retryMs })
      headers['retry-after'] = `${Math.ceil(retryMs / 1_000)}`
    }
    // The connection cannot be reused, because the rest of the body is not read.
    if (code === 'unexpected-body') headers.connection = 'close'
    return this.closeIfDraining(exchange.respond(status === 204 ? null : `${message}\n`, status, headers))
  }

  #refusedRetryMs(): number {
    const { clock, settings } = this.#options
    const ms = Math.max(settings.retryMs, MIN_REFUSED_RETRY_MS) * (1 + clock.random())
    return Math.min(MAX_TIMER_MS, Math.round(ms))
  }

  #warnNotStarted(): void {
    if (!this.#hasWarned) this.#options.logging.warn(NOT_STARTED)
    this.#hasWarned = true
  }

  /** Closes the connection while the Pod drains, so that the client reconnects to another Pod. */
  closeIfDraining(response: Response): Response {
    return this.#options.isDraining() ? withConnectionClose(response) : response
  }
}

/** Returns whether the client can be expected to be an EventSource. */
function isEventSource({ request }: Exchange): boolean {
  return acceptsOnlyEventStream(request.headers.get('accept'))
}

/** Makes a response without a context of Hono. */
export function makeResponse(
  body: ReadableStream | string | null,
  status: number,
  headers: [name: string, value: string][] | Record<string, string>,
): Response {
  return new Response(body, { status, headers })
}

/** @throws SserError `invalid-argument`: a framework's own context or request in place of a `Request`. */
export function requireRequest(call: string, request: unknown): void {
  const { url, method, headers, req } = (request ?? {}) as Partial<Request> & { req?: { raw?: unknown } }
  if (typeof url === 'string' && typeof method === 'string' && typeof headers?.get === 'function') return
  const fix =
    req?.raw === undefined
      ? 'make one of it: new Request(url, { headers })'
      : "pass c.req.raw, and c.env for the client's address; or mount sser.routes: app.route(path, sser.routes)"
  throw new SserError(
    'invalid-argument',
    `${call}: expected a Request, got ${req?.raw === undefined ? describeValue(request) : "Hono's Context"}; ${fix}`,
  )
}
