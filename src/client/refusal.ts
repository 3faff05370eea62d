import type { Clock } from '../clock.ts'
import type { AttemptEnd } from './attempt.ts'

/** Maximum length of the server's message in an error. */
const MAX_MESSAGE_LENGTH = 200
/** Statuses of the client's own mistakes after which the same request can succeed later. */
const RETRIED = [408, 425, 429]

/** How a response without events ends the attempt; undefined where it is an event stream. */
export async function refusalOf(response: Response, clock: Clock): Promise<AttemptEnd | undefined> {
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
