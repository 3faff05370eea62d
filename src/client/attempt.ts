import type { Clock } from '../clock.ts'
import { type Block, BlockParser } from './block-parser.ts'
import { ClientError, messageOf } from './error.ts'
import type { Settings } from './options.ts'
import type { ErrorDetails } from './source.ts'
import { MAX_SILENT_HEARTBEATS, type Watchdog } from './watchdog.ts'

/** One request for events. */
export interface AttemptRequest {
  readonly query: string
  /** The position to resume at. */
  readonly position: string | undefined
  /** 401 where the attempt before was answered so. */
  readonly status: number | undefined
  /** Ends the attempt. */
  readonly signal: AbortSignal
  readonly watchdog: Watchdog
  /** Receives each block. The body is not read further until a returned promise resolves. */
  onBlock(block: Block): Promise<void> | undefined
  onRetry(ms: number): void
}

/**
 * How an attempt ended. `clean`: the server ended the response. `again`: it failed, and a later one can succeed.
 * `unauthorized`: 401. `stop`: no later one succeeds.
 */
export interface AttemptEnd {
  readonly next: 'clean' | 'again' | 'unauthorized' | 'stop'
  readonly error?: ErrorDetails | undefined
  /** Minimum wait that the server has named, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

/** Requests the events once, and reads the response to its end. Never rejects. */
export async function attempt(settings: Settings, request: AttemptRequest): Promise<AttemptEnd> {
  const { signal, watchdog } = request
  try {
    const headers = await requestHeaders(settings, request)
    const response = await settings.fetch(urlOf(settings.url, request.query), {
      headers,
      signal,
      cache: 'no-store',
      ...(settings.credentials !== undefined && { credentials: settings.credentials }),
    })
    const refusal = await abortable(refusalOf(response, settings.clock), signal)
    if (refusal !== undefined) return refusal
    await read(response.body as ReadableStream<Uint8Array>, request)
    return { next: 'clean' }
  } catch (error) {
    return { next: 'again', error: detailsOf(error, watchdog) }
  } finally {
    watchdog.stop()
  }
}

async function requestHeaders(settings: Settings, request: AttemptRequest): Promise<Headers> {
  const { status, signal, position } = request
  let headers: Headers
  try {
    const values = await abortable(Promise.resolve(settings.headers?.({ status, signal })), signal)
    headers = new Headers(values as HeadersInit | undefined)
  } catch (error) {
    throw new ClientError({ code: 'headers', message: `headers() failed: ${messageOf(error)}` })
  }
  headers.set('accept', 'text/event-stream')
  if (position !== undefined) headers.set('last-event-id', position)
  return headers
}

async function read(body: ReadableStream<Uint8Array>, request: AttemptRequest): Promise<void> {
  const { signal, watchdog } = request
  let pending: Promise<void> | undefined
  const parser = new BlockParser((block) => {
    if (!signal.aborted) pending = request.onBlock(block) ?? pending
  }, request.onRetry)
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal)
      if (done) return
      watchdog.reset()
      parser.feed(value)
      if (pending === undefined) continue
      // A reader that is slow by itself is no silence of the server.
      watchdog.stop()
      await abortable(pending, signal)
      pending = undefined
      watchdog.reset()
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

/** Resolves as the promise does, or rejects as soon as the signal aborts, also where the promise ignores the signal. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    const settled = () => signal.removeEventListener('abort', abort)
    promise.then(resolve, reject).then(settled)
  })
}

function detailsOf(error: unknown, watchdog: Watchdog): ErrorDetails {
  const message = messageOf(error)
  if (error instanceof ClientError) return { code: error.code, message }
  if (!watchdog.hasFired) return { code: 'network', message }
  return { code: 'silent', message: `no byte for ${MAX_SILENT_HEARTBEATS} heartbeats` }
}

function urlOf(url: string, query: string): string {
  const [address] = url.split('#')
  return `${address}${url.includes('?') ? '&' : '?'}${query}`
}

/** Maximum length of the server's message in an error. */
const MAX_MESSAGE_LENGTH = 200
/** Statuses of the client's own mistakes after which the same request can succeed later. */
const RETRIED = [408, 425, 429]

/** How a response without events ends the attempt; undefined where it is an event stream. */
async function refusalOf(response: Response, clock: Clock): Promise<AttemptEnd | undefined> {
  const { status, headers } = response
  const type = headers.get('content-type')
  if (status === 200 && type?.startsWith('text/event-stream') === true) {
    if (response.body) return undefined
    const message = 'the body cannot be read as a stream: pass another `fetch`'
    return { next: 'stop', error: { code: 'refused', message, status } }
  }
  if (status === 204) {
    const message = 'HTTP 204: the server wants no further connection'
    return { next: 'stop', error: { code: 'ended', message, status } }
  }
  const reason = headers.get('sser-error') ?? undefined
  const message = await messageIn(response, reason)
  if (status === 401)
    return { next: 'unauthorized', error: { code: 'unauthorized', message, status, reason } }
  if (status >= 400 && status < 500 && !RETRIED.includes(status))
    return { next: 'stop', error: { code: 'refused', message, status, reason } }
  return {
    next: 'again',
    error: {
      code: 'unavailable',
      message: status === 200 ? `expected text/event-stream, got ${type ?? 'no Content-Type'}` : message,
      status,
      reason,
    },
    retryAfterMs: retryAfterMs(headers.get('retry-after'), clock),
  }
}

async function messageIn(response: Response, reason: string | undefined): Promise<string> {
  let text = ''
  // The first chunk is enough, and a body without an end would be read for ever.
  const reader = response.body?.getReader()
  try {
    text = new TextDecoder().decode((await reader?.read())?.value)
  } catch {
    // The status says enough.
  }
  reader?.cancel().catch(() => {})
  const detail = text.trim().slice(0, MAX_MESSAGE_LENGTH)
  return `HTTP ${response.status}${reason === undefined ? '' : ` (${reason})`}${detail === '' ? '' : `: ${detail}`}`
}

/** Reads seconds or a date. @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 */
function retryAfterMs(value: string | null, clock: Clock): number | undefined {
  if (value === null) return undefined
  const seconds = Number(value)
  const ms = seconds >= 0 ? seconds * 1_000 : Date.parse(value) - clock.now()
  return ms > 0 ? ms : undefined
}
