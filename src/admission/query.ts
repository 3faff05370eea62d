import { describeValue, SserError } from '../errors.ts'
import { searchOf } from '../http/fetch-handler.ts'
import { ownCopy, validateStreamName } from '../wire/names.ts'
import { QUERY_PARAMETER_NAME } from '../wire/v1.ts'
import type { StreamRequest } from './admit.ts'
import type { RunRequest } from './admit-run.ts'

/**
 * Limit of the names of one connection's streams in the URL, in percent-encoded bytes. Node reads 16 KB of headers, which
 * include `Last-Event-ID` and cookies, and RFC 9110 asks proxies to support a URL of 8,000 bytes; 32 names of 256 bytes
 * can take 25 KB.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-4.1-5
 */
const MAX_NAMES_BYTES = 6_000
/** Names from a longer query are copied, because a substring keeps the whole query in memory; in UTF-16 units. */
const LONG_SEARCH = 512
/** Where a connection without an id begins. */
const FROM = ['now', 'oldest'] as const
/** Name of the parameter for a run. */
const RUN = 'run'
const RUN_FROM = ['start', 'now'] as const
const LABEL = ['event', 'field'] as const

/** The parts of a request for events that its URL and `Last-Event-ID` name. */
export type StreamQuery = Pick<StreamRequest, 'streams' | 'lastEventId' | 'from' | 'label'> & {
  run?: undefined
}

/** The parts of a request for a run that its URL and `Last-Event-ID` name. */
export type RunQuery = Pick<RunRequest, 'run' | 'lastEventId' | 'from'>

/** Reads the URL and `Last-Event-ID`. @throws SserError with the status 400 */
export function readQuery(request: Request, maxStreams: number): StreamQuery | RunQuery {
  const search = searchOf(request)
  const query = new URLSearchParams(search)
  if (query.has(RUN)) return readRunQuery(request, query)
  return {
    streams: requestedStreams(query, maxStreams, search),
    from: parameter(query, 'from', FROM) ?? 'now',
    label: parameter(query, 'label', LABEL),
    lastEventId: lastEventId(request.headers, query),
  }
}

function readRunQuery({ headers }: Request, query: URLSearchParams): RunQuery {
  const names = query.getAll(RUN)
  const other = [QUERY_PARAMETER_NAME, 'label'].find((name) => query.has(name))
  if (names.length > 1 || other !== undefined) {
    const received = other === undefined ? `${names.length} runs` : `"${other}" beside a run`
    throw new SserError(
      'invalid-parameter',
      `The parameter "run" of the URL: expected one run, got ${received}; read streams, and each run, on a connection of its own`,
    )
  }
  const run = names[0] as string
  const error = validateStreamName(run)
  if (error !== undefined) throw error
  return {
    run: ownCopy(run),
    from: parameter(query, 'from', RUN_FROM) ?? 'start',
    lastEventId: lastEventId(headers, query),
  }
}

/** The `Last-Event-ID` of a request, whose URL may have any further parameters. */
export function lastEventIdOf(request: Request): string | undefined {
  return lastEventId(request.headers, new URLSearchParams(searchOf(request)))
}

/** Reads `Last-Event-ID`. The header, which a browser updates, precedes the query, which a page was rendered with. */
function lastEventId(headers: Headers, query: URLSearchParams): string | undefined {
  // Several clients send an empty header before they have an id.
  return headers.get('last-event-id') || query.get('lastEventId') || undefined
}

/** The value of a parameter; undefined where the query does not have it. @throws SserError `invalid-parameter` */
function parameter<T extends string>(
  query: URLSearchParams,
  name: string,
  allowed: readonly T[],
): T | undefined {
  const values = query.getAll(name)
  const [value] = values
  if (value === undefined) return undefined
  const known = allowed.find((each) => each === value)
  if (known !== undefined && values.length === 1) return known
  const received = values.length === 1 ? describeValue(value) : `${values.length} values`
  throw new SserError(
    'invalid-parameter',
    `The parameter "${name}" of the URL: expected ${allowed.map((each) => `"${each}"`).join(' or ')}, got ${received}`,
  )
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
  const error = streams.length === 0 ? validateStreamName('') : streams.map(validateStreamName).find(Boolean)
  if (error !== undefined) throw error
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
