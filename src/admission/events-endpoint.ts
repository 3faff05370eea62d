import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Requested } from '../authorize.ts'
import { describeValue, SserError } from '../errors.ts'
import {
  closeWhile,
  dropBody,
  type FetchHandler,
  hasBody,
  hasInvalidHost,
  isBelowMount,
  nodeResponseIn,
} from '../http/fetch-handler.ts'
import type { Dialect } from '../wire/sse-frame.ts'
import { acceptsEventStream } from './accept-header.ts'
import { type Admitted, admit, type StreamRequest } from './admit.ts'
import { admitRun, type RunAdmission, type RunRequest } from './admit-run.ts'
import { type CheckedGrant, runAuthorize } from './authorization.ts'
import { readQuery } from './query.ts'
import { EventStreamHeaders, Refusals, type RequestContext, type ResponseOptions, TEXT } from './refusals.ts'
import { endsConnection, ResponseSocket } from './response-socket.ts'

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
interface EndpointContext extends RequestContext {
  authorize?: ((asked: Requested) => Promise<CheckedGrant>) | undefined
}

/** The parts that the endpoints of one instance share. */
export class EndpointParts {
  readonly headers: EventStreamHeaders = new EventStreamHeaders()
  readonly refusals: Refusals
  readonly socket: ResponseSocket

  constructor(options: ResponseOptions) {
    this.refusals = new Refusals(options, this.headers)
    this.socket = new ResponseSocket({
      heartbeatMs: options.settings.heartbeatMs,
      warn: (message) => options.logging.warn(message),
    })
  }
}

/**
 * The public endpoint: `GET ?stream=S`, with one stream or several, or `GET ?run=NAME`, answers with an event stream.
 */
export class EventsEndpoint implements Endpoint {
  /** A sub-app with the endpoint at its root. */
  readonly routes: Hono
  /** The endpoint at whatever path it is called for; under Hono's `app.mount()`, at the mount's own path alone. */
  readonly handler: EventsHandler
  readonly #options: ResponseOptions
  readonly #parts: EndpointParts
  readonly #dialect: Dialect

  constructor(options: ResponseOptions, parts: EndpointParts, dialect: Dialect = 'standard') {
    this.#options = options
    this.#parts = parts
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

  #answer(context: EndpointContext): Response | Promise<Response> {
    const { request, respond } = context
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return this.#parts.refusals.closeIfDraining(
        respond('Method Not Allowed\n', 405, { ...TEXT, allow: 'GET, HEAD' }),
      )
    try {
      const asked = this.#parse(context)
      if (asked.run !== undefined)
        return this.answerRun({ ...context, isRun: true }, admitRun(this.#options, asked))
      const admitted = admit(this.#options, asked)
      if (!(admitted instanceof Promise)) return this.#respond(context, admitted)
      return admitted.then(
        (settled) => this.#respond(context, settled),
        (error: unknown) => this.#parts.refusals.refuse(context, error),
      )
    } catch (error) {
      return this.#parts.refusals.refuse(context, error)
    }
  }

  /** Answers a request for a run. A client that has the end is answered 204, after which an EventSource stays away. */
  async answerRun(context: RequestContext, admission: Promise<RunAdmission>): Promise<Response> {
    try {
      const admitted = await admission
      if (admitted !== 'at-end') return this.#respond(context, admitted)
    } catch (error) {
      return this.#parts.refusals.refuse(context, error)
    }
    return this.#parts.refusals.closeIfDraining(context.respond(null, 204, { 'cache-control': 'no-store' }))
  }

  #respond(context: RequestContext, admitted: Admitted | undefined): Response {
    if (admitted === undefined) return this.#parts.refusals.notReady(context)
    const { request, env, respond } = context
    const { body, resume } = admitted
    const isHead = request.method === 'HEAD'
    try {
      const response = respond(isHead ? null : body, 200, {
        ...this.#parts.headers.next(request, 'no-cache'),
        ...(resume !== undefined && { 'sser-resume': resume }),
        // Set here, because changing the headers of a response later makes objects that last as long as the stream.
        ...(endsConnection(env) && { connection: 'close' }),
      })
      body.register(request, nodeResponseIn(env))
      if (isHead) body.leave()
      this.#parts.socket.prepare(request, env, body)
      return response
    } catch (error) {
      body.leave()
      throw error
    }
  }

  /** Checks the request before `authorize`, which may take seconds. */
  #parse({
    request,
    env,
    dialect,
    authorize,
  }: EndpointContext): (StreamRequest & { run?: undefined }) | RunRequest {
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
