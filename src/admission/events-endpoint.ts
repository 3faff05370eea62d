import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Requested } from '../authorize.ts'
import { SserError } from '../errors.ts'
import { closeWhile, dropBody, type FetchHandler, hasBody } from '../http/fetch-handler.ts'
import { hasInvalidHost, isBelowMount } from '../http/request-url.ts'
import type { Dialect } from '../wire/sse-frame.ts'
import { acceptsEventStream } from './accept-header.ts'
import { admit, type StreamRequest } from './admit.ts'
import { admitRun, type RunRequest } from './admit-run.ts'
import { type CheckedGrant, runAuthorize } from './authorization.ts'
import {
  type EventResponses,
  type EventResponsesOptions,
  type Exchange,
  makeResponse,
  requireRequest,
  TEXT,
} from './event-responses.ts'
import { readQuery } from './query.ts'

/**
 * Answers a request for events, under any router. `env` is the second argument that the runtime hands to an app: Bun's
 * server, or `{ incoming, outgoing }`, the request and response of Node's HTTP. Pass it on, because it has the client's
 * address and reports when the client has gone.
 */
export type EventsHandler = (request: Request, env?: unknown) => Promise<Response>

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

/** One request to the endpoint. */
interface EndpointExchange extends Exchange {
  authorize?: ((asked: Requested) => Promise<CheckedGrant>) | undefined
}

/**
 * The public endpoint: `GET ?stream=S`, with one stream or several, or `GET ?run=NAME`, answers with an event stream.
 */
export class EventsEndpoint implements Endpoint {
  /** A sub-app with the endpoint at its root. */
  readonly routes: Hono
  /** The endpoint at whatever path it is called for; under Hono's `app.mount()`, at the mount's own path alone. */
  readonly handler: EventsHandler
  readonly #options: EventResponsesOptions
  readonly #responses: EventResponses
  readonly #dialect: Dialect

  constructor(options: EventResponsesOptions, responses: EventResponses, dialect: Dialect = 'standard') {
    this.#options = options
    this.#responses = responses
    this.#dialect = dialect
    this.routes = new Hono().all('/', (c) => this.#answerIn(c))
    // `authorize` takes a context.
    const app = new Hono().all('*', (c) => this.#answerIn(c))
    const answer: FetchHandler =
      options.settings.authorize !== undefined
        ? closeWhile(options.isDraining, (request, env) => app.fetch(request, env as object))
        : (request, env) => this.#answer({ request, env, dialect, respond: makeResponse })
    // Hono's `app.mount()` hands on three arguments.
    this.handler = async (request, env, ...rest: unknown[]) => {
      requireRequest('sser.handler()', request)
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
      dialect: this.#dialect,
      respond: (body, status, headers) =>
        hasHeaders(c)
          ? c.newResponse(body, status as ContentfulStatusCode, headers)
          : makeResponse(body, status, headers),
      authorize: authorize && ((asked) => runAuthorize({ ...settings, authorize, clock }, c, asked)),
    })
  }

  #answer(exchange: EndpointExchange): Response | Promise<Response> {
    const { request, respond } = exchange
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return this.#responses.closeIfDraining(
        respond('Method Not Allowed\n', 405, { ...TEXT, allow: 'GET, HEAD' }),
      )
    try {
      const asked = this.#parse(exchange)
      if (asked.run !== undefined)
        return this.#responses.ofRun({ ...exchange, isRun: true }, admitRun(this.#options, asked))
      const admitted = admit(this.#options, asked)
      if (!(admitted instanceof Promise)) return this.#responses.accept(exchange, admitted)
      return admitted.then(
        (settled) => this.#responses.accept(exchange, settled),
        (error: unknown) => this.#responses.refuse(exchange, error),
      )
    } catch (error) {
      return this.#responses.refuse(exchange, error)
    }
  }

  /** Checks the request before `authorize`, which may take seconds. */
  #parse({
    request,
    env,
    dialect,
    authorize,
  }: EndpointExchange): (StreamRequest & { run?: undefined }) | RunRequest {
    if (hasBody(request) && !dropBody(env))
      throw new SserError('unexpected-body', 'A GET for events must not have a body')
    if (!acceptsEventStream(request.headers.get('accept')))
      throw new SserError('not-acceptable', 'Only text/event-stream is served here')
    const query = readQuery(request, this.#options.settings.maxStreamsPerConnection)
    return { ...query, request, env, dialect, authorize }
  }
}

/**
 * Returns whether the app has set headers in the context. Otherwise the response can take a plain object: Hono would
 * make `Headers` of it, which under Node last as long as the stream and take 1 KB.
 */
function hasHeaders(c: Context): boolean {
  return !c.newResponse(null).headers.keys().next().done
}
