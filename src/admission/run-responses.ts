import { describeValue, SserError } from '../errors.ts'
import { checkRunName, checkRunResponseOptions } from '../instance/call-arguments.ts'
import type { Dialect } from '../wire/sse-frame.ts'
import type { AdmissionOptions } from './admit.ts'
import { admitRun } from './admit-run.ts'
import { distinctTags } from './authorization.ts'
import { type EventsEndpoint, makeResponse, requireRequest } from './events-endpoint.ts'
import { lastEventIdOf } from './query.ts'

/** Options of `runResponse()`. */
export interface RunResponseOptions {
  /**
   * `standard`, for `EventSource` and `sser/client`: the server's own events tell gaps, interruptions and the end. `plain`, for
   * readers that parse each `data:` as JSON, and for text: chunks alone. The end of the run is the end of the body, which
   * breaks off where the run has failed, or goes on elsewhere.
   * @default 'standard'
   */
  dialect?: Dialect | undefined
  /** Further headers of the response, such as `x-vercel-ai-ui-message-stream`. @default none */
  headers?: ResponseInit['headers'] | undefined
  /** Where a client without `Last-Event-ID` begins. @default 'start' */
  from?: 'start' | 'now' | undefined
  /** Tags by which `disconnect({ tag })` selects the connection. @default [] */
  tags?: readonly string[] | undefined
  /** When the connection ends, in milliseconds of Unix time; its client then reconnects. @default no end */
  expiresAt?: number | undefined
  /**
   * The second argument that the runtime hands to an app, as of `sser.handler`: `c.env` with Hono, the server with `Bun.serve()`.
   * @default none: under Node the client's address is unknown, and `Bun.serve()` closes quiet connections
   */
  env?: unknown
}

/** Makes the responses of `runResponse()`. */
export class RunResponses {
  readonly #options: AdmissionOptions
  readonly #endpoint: EventsEndpoint

  constructor(options: AdmissionOptions, endpoint: EventsEndpoint) {
    this.#options = options
    this.#endpoint = endpoint
  }

  /** @throws SserError `invalid-argument`, `stream-name-required` or `invalid-stream-name` */
  async respond(run: string, request: Request, options: RunResponseOptions): Promise<Response> {
    const fault = checkRunResponseOptions(options) ?? checkRunName('runResponse()', run)
    if (fault !== undefined) throw fault
    requireRequest('sser.runResponse()', request)
    const { dialect = 'standard', from = 'start', tags = [], expiresAt, env } = options
    const headers = headersOf(options.headers)
    const maxAgeMs = expiresAt === undefined ? undefined : expiresAt - Date.now()
    const granted = { streams: [], tags: distinctTags(tags), maxAgeMs }
    const authorize = async () => {
      if (maxAgeMs === undefined || maxAgeMs > 0) return granted
      throw new SserError('forbidden', 'The time of this client is over')
    }
    const lastEventId = lastEventIdOf(request)
    const asked = { request, env, run, from, lastEventId, dialect, authorize }
    const context = {
      request,
      env,
      dialect,
      isRun: true,
      respond: (body: ReadableStream | string | null, status: number, own: Record<string, string>) =>
        makeResponse(body, status, withOwn(headers, own)),
    }
    return this.#endpoint.answerRun(context, admitRun(this.#options, asked))
  }
}

/** Names and values. */
type HeaderList = [name: string, value: string][]

/** The headers of the app, which cannot replace those of the stream. An object where there are none, because it takes less. */
function withOwn(headers: HeaderList, own: Record<string, string>): HeaderList | Record<string, string> {
  if (headers.length === 0) return own
  return [...headers.filter(([name]) => own[name] === undefined), ...Object.entries(own)]
}

/** A list, because under Node `Headers` last as long as the stream and take 1 KB, and an object has one `set-cookie`. */
function headersOf(headers: ResponseInit['headers']): HeaderList {
  if (headers === undefined) return []
  try {
    return [...new Headers(headers)]
  } catch (cause) {
    throw new SserError(
      'invalid-argument',
      `sser.runResponse(): option "headers": expected headers such as { 'x-request-id': '17' }, got ${describeValue(headers)}`,
      { cause },
    )
  }
}
