import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Clock } from '../clock.ts'
import type { EventStream } from '../delivery/event-stream.ts'
import { SserError, type SserErrorCode } from '../errors.ts'
import { addressOf } from '../http/address.ts'
import type { FetchHandler } from '../http/closing.ts'
import { dropBody, hasBody, nodeResponseIn } from '../http/env.ts'
import { isBelowMount } from '../http/mounted.ts'
import { hasInvalidHost, searchOf } from '../http/request-url.ts'
import type { ResolvedSettings } from '../options.ts'
import { describeValue } from '../printable.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { retryFrame } from '../wire/frame.ts'
import { ownCopy, validateStreamName } from '../wire/names.ts'
import { QUERY_PARAMETER_NAME } from '../wire/v1.ts'
import { acceptsEventStream } from './accept.ts'
import { type CheckedGrant, runAuthorize } from './authorization.ts'
import { endsConnection, finisher } from './finish.ts'

/**
 * Answers a request for events: any router can call it. `env` is the second argument that the runtime hands to an app:
 * Bun's server, or `{ incoming, outgoing }`, the request and response of Node's HTTP. Pass it on where there is one: it
 * says which address the client has, and when the client has gone.
 */
export type Handler = (request: Request, env?: unknown) => Promise<Response>

export interface EventsOptions {
  settings: ResolvedSettings
  errors: ErrorReporter
  clock: Clock
  /** A request begins: from here on, what ends connections ends this one, too. */
  begin(request: Request, env: unknown): Opening
  isDraining(): boolean
  warn(message: string): void
}

/** What is known of a request that may become a connection. */
export interface Opening {
  /** Why there is no room for it. */
  crowding(streams: readonly string[], address: string | undefined): SserError | undefined
  /** Asks whether it may be here, where there is room for it and for all who are being judged; throws why there is none. */
  judge<T>(streams: readonly string[], address: string | undefined, ask: () => Promise<T>): Promise<T>
  /** One connection; undefined when this Pod does not serve now. */
  open(asked: Asked): Opened | undefined
}

export interface Asked extends CheckedGrant {
  lastEventId: string | undefined
  address: string | undefined
}

/** A connection that is about to begin. */
export interface Opened {
  stream: EventStream
  /** Whether the client's id was taken up without a gap; undefined where it had none. */
  resume: 'complete' | 'gap' | undefined
}

/** Makes a response, with the headers that the app has set in Hono's context where there is one. */
type Respond = (
  body: ReadableStream | string | null,
  status: ContentfulStatusCode | 204,
  headers: Record<string, string>,
) => Response

interface Asking {
  request: Request
  env: unknown
  respond: Respond
}

const STATUS: Partial<Record<SserErrorCode, ContentfulStatusCode | 204>> = {
  blocked: 204,
  forbidden: 403,
  'not-acceptable': 406,
  'too-many-connections': 429,
  'too-many-connections-from-address': 429,
  'too-many-streams': 429,
}
/**
 * The bytes that the names of one connection's streams may take in the URL, percent-encoded. Node reads 16 KB of
 * headers, with the longest `Last-Event-ID` and cookies among them, and RFC 9110 asks proxies to carry a URL of 8,000
 * bytes; 32 names of 256 bytes each can take 25 KB.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-4.1-5
 */
const MAX_NAMES_BYTES = 6_000
/** The app may have set another type in Hono's context. */
const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
/** From this length on a query is not kept alive by the names that were cut out of it, in UTF-16 units. */
const LONG_SEARCH = 512
/** Who finds no room may ask again after this, and up to as long again, in seconds. */
const RETRY_AFTER_S = 5

/** Distinguishes the responses of this process from those of others. */
const ETAG = crypto.randomUUID()
/** Responses to a `GET` so far. */
let answered = 0

/**
 * The public sub-app, the endpoint at its root: `GET ?stream=S`, once or several times, answers with an event stream.
 * Refusals are plain text, their code in `Sser-Error`.
 */
export function eventsRoutes(options: EventsOptions): Hono {
  const finish = finisher({ ...options, heartbeatMs: options.settings.heartbeatMs })
  return new Hono().all('/', (c) => finish(c.req.raw, c.env, answerIn(options, c)))
}

/** The same endpoint at whatever path it is called for; under Hono's `app.mount()`, at the mount's own path alone. */
export function eventsHandler(options: EventsOptions): Handler {
  // The hook is promised a context.
  const app = new Hono().all('*', (c) => answerIn(options, c))
  const answer: FetchHandler =
    options.settings.authorize !== undefined
      ? (request, env) => app.fetch(request, env as object)
      : (request, env) =>
          answerEvents(options, {
            request,
            env,
            respond: (body, status, headers) => new Response(body, { status, headers }),
          })
  const finish = finisher({ ...options, heartbeatMs: options.settings.heartbeatMs })
  // Hono's `app.mount()` hands on three arguments.
  return async (request, env, ...rest: unknown[]) => {
    requireRequest(request)
    if (rest.length > 0 && isBelowMount(request, env)) return new Response('Not Found\n', { status: 404 })
    if (hasInvalidHost(request)) return new Response('a valid Host is required\n', { status: 400 })
    return finish(request, env, answer(request, env))
  }
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

function answerIn(options: EventsOptions, c: Context): Response | Promise<Response> {
  const { settings, clock } = options
  const { authorize } = settings
  const asking: Asking = {
    request: c.req.raw,
    env: c.env,
    respond: (body, status, headers) =>
      hasHeaders(c)
        ? c.newResponse(body, status as ContentfulStatusCode, headers)
        : new Response(body, { status, headers }),
  }
  if (authorize === undefined) return answerEvents(options, asking)
  return answerEvents(options, asking, (streams) =>
    runAuthorize({ ...settings, authorize, clock }, c, streams),
  )
}

/**
 * Whether the app has set headers in the context. Otherwise those of the response can stay a plain object: Hono would make
 * `Headers` of it, which under Node last as long as the stream, and take 1 KB.
 */
function hasHeaders(c: Context): boolean {
  return !c.newResponse(null).headers.keys().next().done
}

function answerEvents(
  options: EventsOptions,
  asking: Asking,
  ask?: (streams: readonly string[]) => Promise<CheckedGrant>,
): Response | Promise<Response> {
  const { request, env, respond } = asking
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return respond('Method Not Allowed\n', 405, { ...TEXT, allow: 'GET, HEAD' })
  }
  const { maxStreamsPerConnection, maxConnectionsPerAddress, trustedProxyHops } = options.settings
  try {
    // Before the hook, which may take seconds.
    if (hasBody(request) && !dropBody(env))
      throw new SserError('unexpected-body', 'A GET for events must not have a body')
    const search = searchOf(request)
    const query = new URLSearchParams(search)
    const address = maxConnectionsPerAddress === 0 ? undefined : addressOf(request, env, trustedProxyHops)
    const opening = options.begin(request, env)
    const open = (granted: CheckedGrant) => {
      const crowding = opening.crowding(granted.streams, address)
      if (crowding !== undefined) throw crowding
      const asked = { ...granted, address, lastEventId: lastEventId(request.headers, query) }
      return answer(options, asking, opening.open(asked))
    }
    if (!acceptsEventStream(request.headers.get('accept'))) throw notAcceptable()
    const streams = requestedStreams(query, maxStreamsPerConnection, search)
    if (ask === undefined) return open({ streams, tags: [], maxAgeMs: undefined })
    return opening
      .judge(streams, address, () => ask(streams))
      .then(open)
      .catch((error: unknown) => refuse(options, asking, error))
  } catch (error) {
    return refuse(options, asking, error)
  }
}

function answer(
  { settings }: EventsOptions,
  { request, env, respond }: Asking,
  opened: Opened | undefined,
): Response {
  opened?.stream.answers(request, nodeResponseIn(env))
  // A status other than 200 would end an EventSource for good; this way it comes back, perhaps to another Pod.
  const body = request.method === 'HEAD' ? null : (opened?.stream.body ?? retryFrame(settings.retryMs))
  const etag = `W/"${ETAG}-${answered}"`
  if (request.method !== 'HEAD') answered += 1
  return respond(body, 200, {
    // With the charset, because clients on Python's requests otherwise read text/* as ISO-8859-1.
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    // A middleware that computes entity tags, such as hono/etag, would otherwise read the stream to its end first. Each
    // response has its own, so that no conditional request ever matches.
    etag,
    ...(opened?.resume && { 'sser-resume': opened.resume }),
    // Here and not later: to change the headers of a response makes objects of them, which last as long as the stream.
    ...(opened !== undefined && endsConnection(env) && { connection: 'close' }),
  })
}

/** Throws what is not ours to answer. */
function refuse(options: EventsOptions, asking: Asking, error: unknown): Response {
  if (!(error instanceof SserError)) throw error
  const { code, message } = error
  options.errors.countRejected(code)
  if (code === 'authorization-failed') {
    options.errors.report(error, { stage: 'authorize' })
    // A session store that is away for a moment must not end anybody's EventSource for good.
    return answer(options, asking, undefined)
  }
  const status = STATUS[code] ?? 400
  const headers: Record<string, string> = { 'sser-error': code, ...(status !== 204 && TEXT) }
  if (status === 429) headers['retry-after'] = `${Math.ceil(RETRY_AFTER_S * (1 + options.clock.random()))}`
  // The rest of the body is not read.
  if (code === 'unexpected-body') headers.connection = 'close'
  return asking.respond(status === 204 ? null : `${message}\n`, status, headers)
}

/** The header, which a browser keeps up to date, goes before the query, which a page was rendered with. */
function lastEventId(headers: Headers, query: URLSearchParams): string | undefined {
  // An empty header is no id: several clients send one before they have an id.
  return headers.get('last-event-id') || query.get('lastEventId') || undefined
}

function requestedStreams(query: URLSearchParams, maxStreams: number, search: string): readonly string[] {
  const streams = [...new Set(query.getAll(QUERY_PARAMETER_NAME))]
  if (streams.length > maxStreams) {
    throw new SserError(
      'too-many-streams-per-connection',
      `A connection listens on at most ${maxStreams} streams`,
    )
  }
  if (search.length > MAX_NAMES_BYTES) requireShortNames(streams)
  const fault = streams.length === 0 ? validateStreamName('') : streams.map(validateStreamName).find(Boolean)
  if (fault !== undefined) throw fault
  return search.length > LONG_SEARCH ? streams.map(ownCopy) : streams
}

function requireShortNames(streams: readonly string[]): void {
  const bytes = new URLSearchParams(streams.map((name) => [QUERY_PARAMETER_NAME, name])).toString().length
  if (bytes <= MAX_NAMES_BYTES) return
  throw new SserError(
    'too-many-streams-per-connection',
    `The names of one connection's streams take at most ${MAX_NAMES_BYTES} bytes in the URL, got ${bytes}: use shorter names, or a second connection`,
  )
}

function notAcceptable(): SserError {
  return new SserError('not-acceptable', 'Only text/event-stream is served here')
}
