import type { FetchFunction } from './options.ts'

/** Options of {@link eventSourceFetch}. */
export interface EventSourceFetchOptions {
  /**
   * Event types that senders name. An EventSource receives no other named events; those of several streams cannot be told
   * apart, so they count as events of the first stream.
   * @default none
   */
  types?: readonly string[] | undefined
  /** Sends cookies to another origin. @default false */
  withCredentials?: boolean | undefined
  /** Replaces the EventSource of the page. @default globalThis.EventSource */
  EventSource?: typeof EventSource | undefined
}

/** The server's own events. */
const OWN = ['sser-position', 'sser-gap', 'sser-retry', 'sser-end', 'sser-interrupted', 'sser-resumed']

/**
 * A `fetch` for `connect()` that reads by the browser's own EventSource, so that its developer tools list the events. It sends
 * no headers, sees no status, and needs no preflight request to another origin.
 * @example
 * const client = connect('/events', { fetch: eventSourceFetch() })
 */
export function eventSourceFetch(options: EventSourceFetchOptions = {}): FetchFunction {
  return (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const { address, streams } = addressOf(url, new Headers(headers).get('last-event-id'))
      const Source = options.EventSource ?? EventSource
      const source = new Source(address, { withCredentials: options.withCredentials ?? false })
      let body: ReadableStreamDefaultController<Uint8Array> | undefined
      const close = () => source.close()
      signal?.addEventListener('abort', () => {
        close()
        reject(signal.reason)
      })
      const receive = ({ type, data, lastEventId }: MessageEvent<string>) =>
        body?.enqueue(blockOf(type, data, lastEventId, streams))
      for (const type of new Set(['message', ...OWN, ...streams, ...(options.types ?? [])]))
        source.addEventListener(type, receive)
      source.onopen = () => {
        const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
          body = controller
        }
        const response = new Response(new ReadableStream({ start, cancel: close }), {
          headers: { 'content-type': 'text/event-stream' },
        })
        resolve(response)
      }
      // The client comes back by its own rules.
      source.onerror = () => {
        close()
        reject(new TypeError('the EventSource failed, and tells no reason'))
        try {
          body?.close()
        } catch {
          // The client has cancelled it.
        }
      }
    })
}

/** An EventSource sends no header and shows no unknown field, so both go into the URL. */
function addressOf(url: string, lastEventId: string | null): { address: string; streams: string[] } {
  const [path, search = ''] = url.split('?')
  const query = new URLSearchParams(search)
  if (query.has('label')) query.set('label', 'event')
  if (lastEventId !== null) query.set('lastEventId', lastEventId)
  return { address: `${path}?${query}`, streams: query.getAll('stream') }
}

/** The block that the event was made of. */
function blockOf(type: string, data: string, id: string, streams: readonly string[]): Uint8Array {
  const isStream = streams.includes(type)
  const name = isStream ? `stream: ${type}\n` : type === 'message' ? '' : `event: ${type}\n`
  const text = `${name}${data.replace(/^/gm, 'data: ')}\n${id === '' ? '' : `id: ${id}\n`}\n`
  return new TextEncoder().encode(text)
}
