import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { MAX_TIMER_MS } from '../clock.ts'
import { SserError, type SserErrorCode } from '../errors.ts'
import { withConnectionClose } from '../http/fetch-handler.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Logging } from '../telemetry/logging.ts'
import { type Dialect, frameFormat, retryFrame } from '../wire/sse-frame.ts'
import { acceptsOnlyEventStream } from './accept-header.ts'
import type { AdmissionOptions } from './admit.ts'

export interface ResponseOptions extends AdmissionOptions {
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
export interface RequestContext {
  request: Request
  env: unknown
  dialect: Dialect
  respond: Respond
  /** True if the client reads a run. */
  isRun?: boolean
}

/** Why a client is refused, and when it is to come back. */
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

/** The responses to clients that get no connection: an error in plain text, its code in `Sser-Error`, or a time to come back. */
export class Refusals {
  readonly #options: ResponseOptions
  readonly #headers: EventStreamHeaders
  #hasWarned = false

  constructor(options: ResponseOptions, headers: EventStreamHeaders) {
    this.#options = options
    this.#headers = headers
  }

  /** Answers an SserError. Rethrows any other error for the app. */
  refuse(context: RequestContext, error: unknown): Response {
    if (!(error instanceof SserError)) throw error
    const { errors, settings, logging } = this.#options
    const { code, message } = error
    errors.countRejected(code)
    if (code === 'authorization-failed') {
      errors.report(error, { stage: 'authorize' })
      // A session store that fails for a moment must not end an EventSource for good.
      return this.#comeBack(context, { code, retryMs: settings.retryMs })
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
      if (isEventSource(context)) return this.#comeBack(context, { code, retryMs })
      headers['retry-after'] = `${Math.ceil(retryMs / 1_000)}`
    }
    // The connection cannot be reused, because the rest of the body is not read.
    if (code === 'unexpected-body') headers.connection = 'close'
    return this.closeIfDraining(context.respond(status === 204 ? null : `${message}\n`, status, headers))
  }

  /** Answers a client while this Pod is not ready, or drains. */
  notReady(context: RequestContext): Response {
    if (!this.#options.isStarted()) this.#warnNotStarted()
    return this.#comeBack(context)
  }

  /** Closes the connection while the Pod drains, so that the client reconnects to another Pod. */
  closeIfDraining(response: Response): Response {
    return this.#options.isDraining() ? withConnectionClose(response) : response
  }

  /**
   * Answers with an event stream that has a time to come back alone, because an EventSource gives up after any other status
   * than 200. Answers 503 for a run, because other clients would take an empty response for a run without a chunk.
   */
  #comeBack(context: RequestContext, refusal?: Refusal): Response {
    const { request, dialect, respond } = context
    const retryMs = refusal?.retryMs ?? this.#options.settings.retryMs
    const code = refusal !== undefined && { 'sser-error': refusal.code }
    const isHead = request.method === 'HEAD'
    if (context.isRun === true && !isEventSource(context)) {
      const headers = {
        ...TEXT,
        'cache-control': 'no-store',
        'retry-after': `${Math.ceil(retryMs / 1_000)}`,
        ...code,
      }
      const text = 'This Pod serves no run at the moment: come back\n'
      return this.closeIfDraining(respond(isHead ? null : text, 503, headers))
    }
    const reason = refusal?.code ?? (this.#options.isDraining() ? 'draining' : 'not-ready')
    const body = isHead ? null : frameFormat(dialect).own(retryFrame(retryMs, reason))
    const headers = { ...this.#headers.next(request, 'no-store'), ...code }
    return this.closeIfDraining(respond(body, 200, headers))
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
}

/** The headers of the responses whose body is an event stream. */
export class EventStreamHeaders {
  /** Distinguishes the responses of this instance from those of others. */
  readonly #etag = crypto.randomUUID()
  /** Responses to a `GET` so far. */
  #responses = 0

  /** The headers of the next response. */
  next({ method }: Request, caching: 'no-cache' | 'no-store'): Record<string, string> {
    const etag = `W/"${this.#etag}-${this.#responses}"`
    if (method !== 'HEAD') this.#responses += 1
    return {
      // With the charset, because clients with Python's requests otherwise read text/* as ISO-8859-1.
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': `${caching}, no-transform`,
      'x-accel-buffering': 'no',
      // Without it a middleware that computes entity tags, such as hono/etag, would read the stream to its end. Each response
      // has a tag of its own, so that no conditional request matches.
      etag,
    }
  }
}

/** Returns whether the client can be expected to be an EventSource. */
function isEventSource({ request }: RequestContext): boolean {
  return acceptsOnlyEventStream(request.headers.get('accept'))
}
