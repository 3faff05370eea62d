import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { MAX_TIMER_MS } from '../clock.ts'
import { SserError, type SserErrorCode } from '../errors.ts'
import { addressOf } from '../http/address.ts'
import { closeWhile, type FetchHandler, withConnectionClose } from '../http/connection-close.ts'
import { dropBody, hasBody, nodeResponseIn } from '../http/env.ts'
import { hasInvalidHost, isBelowMount } from '../http/request-url.ts'
import { describeValue } from '../printable.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Logging } from '../telemetry/logging.ts'
import { type Dialect, frameFormat } from '../wire/frame-format.ts'
import { retryFrame } from '../wire/sse-frame.ts'
import { acceptsEventStream, acceptsOnlyEventStream } from './accept-header.ts'
import { type AdmissionOptions, type Admitted, admit, type ConnectionRequest } from './admit.ts'
import { type CheckedGrant, runAuthorize } from './authorization.ts'
import { readQuery } from './query.ts'
import { endsConnection, ResponseSocket } from './response-socket.ts'

/**
 * Answers a request for events, under any router. `env` is the second argument that the runtime hands to an app: Bun's
 * server, or `{ incoming, outgoing }`, the request and response of Node's HTTP. Pass it on, because it has the client's
 * address and reports when the client has gone.
 */
export type EventsHandler = (request: Request, env?: unknown) => Promise<Response>

export interface EventsOptions extends AdmissionOptions {
  errors: ErrorReporter
  isDraining(): boolean
  /** Returns whether `start()` was called. */
  isStarted(): boolean
  logging: Pick<Logging, 'warn' | 'warnOncePerMinute'>
}

/** Options of `endpoint()`. */
export interface EndpointOptions {
  /**
   * `plain`: `data:` lines have messages of the app alone, because some readers parse each of them as JSON. The events of
   * `sser` itself, such as `sser-gap`, are comments.
   * @default 'standard'
   */
  dialect?: Dialect | undefined
}

/** A public endpoint for clients. */
export interface Endpoint {
  /** A sub-app with the endpoint at its root: `app.route('/events', endpoint.routes)`. */
  readonly routes: Hono
  /** The endpoint for any other router: takes a `Request`, and returns a streaming `Response`. */
  readonly handler: EventsHandler
}

/** Why a response has no connection, and when its client is to come back. */
interface Refusal {
  code: SserErrorCode
  retryMs: number
}

/** Makes a response, with the headers that the app has set in Hono's context. */
type Respond = (
  body: ReadableStream | string | null,
  status: ContentfulStatusCode | 204,
  headers: Record<string, string>,
) => Response

/** One request to the endpoint, and the functions that answer it. */
interface Exchange {
  request: Request
  env: unknown
  respond: Respond
  authorize?: ((streams: readonly string[]) => Promise<CheckedGrant>) | undefined
}

/** Set explicitly, because the app may have set another type in Hono's context. */
const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
/**
 * Minimum time after which a client that a limit refused is to come back, in milliseconds, or the option `retryMs` where that
 * is longer; the maximum is twice as long, so that clients do not return all at once.
 */
const MIN_REFUSED_RETRY_MS = 5_000
const NOT_STARTED =
  'a client came, and gets no event, because this instance was not started: await serve({ sser, … }), or join({ sser, … }) where another server has the public port'

/**
 * The public endpoint: `GET ?stream=S`, with one stream or several, answers with an event stream. A refusal is plain text,
 * its code in `Sser-Error`.
 */
export class EventsEndpoint implements Endpoint {
  /** A sub-app with the endpoint at its root. */
  readonly routes: Hono
  /** The endpoint at whatever path it is called for; under Hono's `app.mount()`, at the mount's own path alone. */
  readonly handler: EventsHandler
  readonly #options: EventsOptions
  readonly #dialect: Dialect
  readonly #socket: ResponseSocket
  /** Distinguishes the responses of this instance from those of others. */
  readonly #etag = crypto.randomUUID()
  /** Responses to a `GET` so far. */
  #responses = 0
  #hasWarned = false

  constructor(options: EventsOptions, dialect: Dialect = 'standard') {
    this.#options = options
    this.#dialect = dialect
    this.#socket = new ResponseSocket({
      heartbeatMs: options.settings.heartbeatMs,
      warn: (message) => options.logging.warn(message),
    })
    this.routes = new Hono().all('/', (c) => this.#answerIn(c))
    // `authorize` takes a context.
    const app = new Hono().all('*', (c) => this.#answerIn(c))
    const answer: FetchHandler =
      options.settings.authorize !== undefined
        ? closeWhile(options.isDraining, (request, env) => app.fetch(request, env as object))
        : (request, env) => this.#answer({ request, env, respond })
    // Hono's `app.mount()` hands on three arguments.
    this.handler = async (request, env, ...rest: unknown[]) => {
      requireRequest(request)
      if (rest.length > 0 && isBelowMount(request, env)) return new Response('Not Found\n', { status: 404 })
      if (hasInvalidHost(request)) return new Response('a valid Host is required\n', { status: 400 })
      return answer(request, env)
    }
  }

  #answerIn(c: Context): Response | Promise<Response> {
    const { settings, clock } = this.#options
    const { authorize } = settings
    return this.#answer({
      request: c.req.raw,
      env: c.env,
      respond: (body, status, headers) =>
        hasHeaders(c)
          ? c.newResponse(body, status as ContentfulStatusCode, headers)
          : respond(body, status, headers),
      authorize: authorize && ((streams) => runAuthorize({ ...settings, authorize, clock }, c, streams)),
    })
  }

  #answer(exchange: Exchange): Response | Promise<Response> {
    const { request, respond } = exchange
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return this.#closeIfDraining(respond('Method Not Allowed\n', 405, { ...TEXT, allow: 'GET, HEAD' }))
    try {
      const admitted = admit(this.#options, this.#parse(exchange))
      if (!(admitted instanceof Promise)) return this.#accept(exchange, admitted)
      return admitted.then(
        (settled) => this.#accept(exchange, settled),
        (error: unknown) => this.#refuse(exchange, error),
      )
    } catch (error) {
      return this.#refuse(exchange, error)
    }
  }

  /** Checks the request before `authorize`, which may take seconds. */
  #parse({ request, env, authorize }: Exchange): ConnectionRequest {
    const { maxStreamsPerConnection, maxConnectionsPerAddress, trustedProxyHops } = this.#options.settings
    if (hasBody(request) && !dropBody(env))
      throw new SserError('unexpected-body', 'A GET for events must not have a body')
    if (!acceptsEventStream(request.headers.get('accept')))
      throw new SserError('not-acceptable', 'Only text/event-stream is served here')
    const query = readQuery(request, maxStreamsPerConnection)
    const address = maxConnectionsPerAddress === 0 ? undefined : addressOf(request, env, trustedProxyHops)
    return { ...query, request, env, dialect: this.#dialect, address, authorize }
  }

  /** Answers 200 even without a connection, because an EventSource gives up after any other status. */
  #accept(exchange: Exchange, admitted: Admitted | undefined, refusal?: Refusal): Response {
    if (admitted === undefined && !this.#options.isStarted()) this.#warnNotStarted()
    try {
      return this.#respond(exchange, admitted, refusal)
    } catch (error) {
      admitted?.body.leave()
      throw error
    }
  }

  #respond(
    { request, env, respond }: Exchange,
    admitted: Admitted | undefined,
    { code, retryMs }: Partial<Refusal> = {},
  ): Response {
    const isHead = request.method === 'HEAD'
    const reason = code ?? (this.#options.isDraining() ? 'draining' : 'not-ready')
    const refusedMs = retryMs ?? this.#options.settings.retryMs
    const body = isHead
      ? null
      : (admitted?.body ?? frameFormat(this.#dialect).own(retryFrame(refusedMs, reason)))
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
    if (admitted === undefined) return this.#closeIfDraining(response)
    admitted.body.register(request, nodeResponseIn(env))
    if (isHead) admitted.body.leave()
    this.#socket.prepare(request, env, admitted.body)
    return response
  }

  /** Answers an SserError. Rethrows any other error for the app. */
  #refuse(exchange: Exchange, error: unknown): Response {
    if (!(error instanceof SserError)) throw error
    const { errors, settings, logging } = this.#options
    const { code, message } = error
    errors.countRejected(code)
    if (code === 'authorization-failed') {
      errors.report(error, { stage: 'authorize' })
      // A session store that fails for a moment must not end an EventSource for good.
      return this.#accept(exchange, undefined, { code, retryMs: settings.retryMs })
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
      if (acceptsOnlyEventStream(exchange.request.headers.get('accept')))
        return this.#accept(exchange, undefined, { code, retryMs })
      headers['retry-after'] = `${Math.ceil(retryMs / 1_000)}`
    }
    // The connection cannot be reused, because the rest of the body is not read.
    if (code === 'unexpected-body') headers.connection = 'close'
    return this.#closeIfDraining(exchange.respond(status === 204 ? null : `${message}\n`, status, headers))
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
  #closeIfDraining(response: Response): Response {
    return this.#options.isDraining() ? withConnectionClose(response) : response
  }
}

function respond(
  body: ReadableStream | string | null,
  status: number,
  headers: Record<string, string>,
): Response {
  return new Response(body, { status, headers })
}

/**
 * Returns whether the app has set headers in the context. Otherwise the response can take a plain object: Hono would
 * make `Headers` of it, which under Node last as long as the stream and take 1 KB.
 */
function hasHeaders(c: Context): boolean {
  return !c.newResponse(null).headers.keys().next().done
}

/** @throws SserError `invalid-argument`: a framework's own context or request in place of a `Request`. */
function requireRequest(request: unknown): void {
  const { url, method, headers, req } = (request ?? {}) as Partial<Request> & { req?: { raw?: unknown } }
  if (typeof url === 'string' && typeof method === 'string' && typeof headers?.get === 'function') return
  const fix =
    req?.raw === undefined
      ? 'make one of it: new Request(url, { headers })'
      : 'call sser.handler(c.req.raw, c.env), or mount sser.routes: app.route(path, sser.routes)'
  throw new SserError(
    'invalid-argument',
    `sser.handler(): expected a Request, got ${req?.raw === undefined ? describeValue(request) : "Hono's Context"}; ${fix}`,
  )
}
