import { type Block, BlockParser, BlockTooLargeError } from './block-parser.ts'
import { messageOf } from './error.ts'
import { refusalOf } from './refusal.ts'
import type { Settings } from './settings.ts'
import type { ErrorDetails } from './source.ts'

/** One request for events. */
export interface AttemptRequest {
  readonly query: string
  /** The position to resume at. */
  readonly position: string | undefined
  /** Status of the attempt before, where that was 401. */
  readonly status: number | undefined
  readonly signal: AbortSignal
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

/** Number of heartbeats without a byte after which a connection counts as broken. */
const MAX_MISSED_HEARTBEATS = 2

/** Requests the events once, and reads the response to its end. Never rejects. */
export async function attempt(settings: Settings, request: AttemptRequest): Promise<AttemptEnd> {
  const { signal } = request
  const own = new AbortController()
  const abort = () => own.abort(signal.reason)
  signal.addEventListener('abort', abort)
  const watchdog = new Watchdog(settings, () => own.abort(new Error('no byte')))
  try {
    const headers = await requestHeaders(settings, request)
    if (!(headers instanceof Headers)) return headers
    const response = await settings.fetch(urlOf(settings.url, request.query), {
      headers,
      signal: own.signal,
      cache: 'no-store',
      ...(settings.credentials !== undefined && { credentials: settings.credentials }),
    })
    const refusal = await refusalOf(response, settings.clock)
    if (refusal !== undefined) return refusal
    await read(response.body as ReadableStream<Uint8Array>, request, watchdog, own.signal)
    return { next: 'clean' }
  } catch (error) {
    return { next: 'again', error: detailsOf(error, watchdog) }
  } finally {
    watchdog.stop()
    signal.removeEventListener('abort', abort)
    own.abort()
  }
}

async function requestHeaders(settings: Settings, request: AttemptRequest): Promise<Headers | AttemptEnd> {
  const { status, signal, position } = request
  try {
    const headers = new Headers((await settings.headers?.({ status, signal })) as HeadersInit | undefined)
    headers.set('accept', 'text/event-stream')
    if (position !== undefined) headers.set('last-event-id', position)
    return headers
  } catch (error) {
    return { next: 'again', error: { code: 'headers', message: `headers() failed: ${messageOf(error)}` } }
  }
}

async function read(
  body: ReadableStream<Uint8Array>,
  request: AttemptRequest,
  watchdog: Watchdog,
  signal: AbortSignal,
): Promise<void> {
  let pending: Promise<void> | undefined
  const parser = new BlockParser((block) => {
    if (!signal.aborted) pending = request.onBlock(block) ?? pending
  }, request.onRetry)
  const reader = body.getReader()
  const cancel = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel)
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      watchdog.reset()
      parser.feed(chunk.value)
      if (pending !== undefined) {
        watchdog.stop()
        await pending
        pending = undefined
        watchdog.reset()
      }
    }
    // A body that was cancelled ends like a complete one.
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}

function detailsOf(error: unknown, watchdog: Watchdog): ErrorDetails {
  if (watchdog.hasFired)
    return { code: 'silent', message: `no byte for ${watchdog.limitMs} ms, which is two heartbeats` }
  if (error instanceof BlockTooLargeError) return { code: 'block-too-large', message: error.message }
  return { code: 'network', message: messageOf(error) }
}

function urlOf(url: string, query: string): string {
  const [address] = url.split('#')
  return `${address}${url.includes('?') ? '&' : '?'}${query}`
}

/** Calls back after two heartbeats without a byte. One timer for the whole attempt, because each byte would set another. */
class Watchdog {
  readonly limitMs: number
  readonly #clock: Settings['clock']
  readonly #onSilence: () => void
  #lastAt = 0
  #cancel: (() => void) | undefined
  hasFired = false

  constructor({ heartbeatMs, clock }: Settings, onSilence: () => void) {
    this.limitMs = heartbeatMs * MAX_MISSED_HEARTBEATS
    this.#clock = clock
    this.#onSilence = onSilence
    this.reset()
  }

  reset(): void {
    this.#lastAt = this.#clock.now()
    this.#cancel ??= this.#clock.after(this.limitMs, () => this.#check())
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #check(): void {
    this.#cancel = undefined
    const silentMs = this.#clock.now() - this.#lastAt
    // A wall clock that was set back counts from now on.
    const restMs = this.limitMs - Math.max(0, silentMs)
    if (restMs > 0) this.#cancel = this.#clock.after(restMs, () => this.#check())
    else {
      this.hasFired = true
      this.#onSilence()
    }
  }
}
