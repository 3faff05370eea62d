import { Hono } from 'hono'
import type { EventStream } from '../core/event-stream.ts'
import { SserError, type SserErrorCode } from '../errors.ts'
import type { Faults } from '../faults.ts'
import { retryFrame } from '../wire/frame.ts'
import { streamNameFault } from '../wire/names.ts'
import { QUERY_PARAMETER_NAME } from '../wire/v1.ts'

/** Answers a request for events: any router can call it. */
export type Handler = (request: Request) => Response

export interface EventsOptions {
  faults: Faults
  maxStreams: number
  retryMs: number
  /** One connection; undefined when this Pod does not serve now. */
  open(streams: readonly string[], lastEventId: string | undefined): Opened | undefined
}

/** A connection that is about to begin. */
export interface Opened {
  stream: EventStream
  /** Whether the client's id was taken up without a gap; undefined where it had none. */
  resume: 'complete' | 'gap' | undefined
}

const STATUS: Partial<Record<SserErrorCode, number>> = { 'not-acceptable': 406 }

/** `GET ?stream=S`, once or several times: an event stream. Refusals are plain text, their code in `Sser-Error`. */
export function eventsHandler({ faults, maxStreams, retryMs, open }: EventsOptions): Handler {
  return function handleEvents(request) {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new Response('Method Not Allowed\n', { status: 405, headers: { allow: 'GET, HEAD' } })
    }
    const query = new URL(request.url).searchParams
    let streams: readonly string[]
    try {
      requireEventStream(request.headers.get('accept'))
      streams = requestedStreams(query, maxStreams)
    } catch (error) {
      const { code, message } = error as SserError
      faults.reject(code)
      return new Response(`${message}\n`, { status: STATUS[code] ?? 400, headers: { 'sser-error': code } })
    }
    const opened = open(streams, lastEventId(request.headers, query))
    opened?.stream.answers(request)
    // A status other than 200 would end an EventSource for good; this way it comes back, perhaps to another Pod.
    const body = request.method === 'HEAD' ? null : (opened?.stream.body ?? retryFrame(retryMs))
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
        ...(opened?.resume && { 'sser-resume': opened.resume }),
      },
    })
  }
}

/** The public sub-app: the handler at its root. */
export function eventsRoutes(handler: Handler): Hono {
  return new Hono().all('/', (c) => handler(c.req.raw))
}

/** The header, which a browser keeps up to date, goes before the query, which a page was rendered with. */
function lastEventId(headers: Headers, query: URLSearchParams): string | undefined {
  const id = headers.get('last-event-id') ?? query.get('lastEventId')
  return id === null || id === '' ? undefined : id
}

function requestedStreams(query: URLSearchParams, maxStreams: number): readonly string[] {
  const streams = [...new Set(query.getAll(QUERY_PARAMETER_NAME))]
  if (streams.length > maxStreams) {
    throw new SserError('too-many-streams', `A connection listens on at most ${maxStreams} streams`)
  }
  const fault = streams.length === 0 ? streamNameFault('') : streams.map(streamNameFault).find(Boolean)
  if (fault !== undefined) throw fault
  return streams
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#name-accept */
function requireEventStream(accept: string | null): void {
  if (accept === null || accept.trim() === '') return
  // The most specific range decides, whatever stands beside it.
  for (const wanted of ['text/event-stream', 'text/*', '*/*']) {
    for (const range of accept.split(',')) {
      const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
      if (type !== wanted) continue
      if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return
      throw notAcceptable()
    }
  }
  throw notAcceptable()
}

function notAcceptable(): SserError {
  return new SserError('not-acceptable', 'Only text/event-stream is served here')
}
