/** An app as `fetch` of a server: Hono's `app.fetch`, or any function like it. */
export type FetchHandler = (request: Request, env?: unknown) => Response | Promise<Response>

/**
 * Wraps `fetch` so that every response of a draining Pod closes its connection, because a client that reuses the connection
 * would reach the same Pod again.
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-tear-down
 */
export function closeWhile(isDraining: () => boolean, fetch: FetchHandler): FetchHandler {
  const finish = (response: Response) => (isDraining() ? withConnectionClose(response) : response)
  return (request, env) => {
    const response = fetch(request, env)
    return isPromise(response) ? response.then(finish) : finish(response)
  }
}

/** Checks the shape, because an app may return the promise of another realm. */
export function isPromise(response: Response | Promise<Response>): response is Promise<Response> {
  return typeof (response as Partial<Promise<Response>> | undefined)?.then === 'function'
}

/** Returns the response with `Connection: close`. */
export function withConnectionClose(response: Response): Response {
  // Under Bun a request that was upgraded to a WebSocket has no response. `Response.error()` has the status 0.
  if (response === undefined || response.status < 200) return response
  try {
    response.headers.set('connection', 'close')
    return response
  } catch {
    // The headers of a response of `fetch()` are immutable.
    const { status, statusText, body } = response
    const headers = new Headers(response.headers)
    headers.set('connection', 'close')
    return new Response(body, { status, statusText, headers })
  }
}
