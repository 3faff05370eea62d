/** An app as `fetch` of a server: Hono's `app.fetch`, or any function like it. */
export type FetchHandler = (request: Request, env?: unknown) => Response | Promise<Response>

/**
 * `fetch`, and each answer that is given while the Pod drains ends its connection: a balancer of TCP connections would
 * bring a client that keeps its connection back to this very Pod.
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-tear-down
 */
export function closingWhile(isDraining: () => boolean, fetch: FetchHandler): FetchHandler {
  const finish = (response: Response) => (isDraining() ? closing(response) : response)
  return (request, env) => {
    const response = fetch(request, env)
    return isPromise(response) ? response.then(finish) : finish(response)
  }
}

/** By its shape, because an app may answer with the `Response` of another realm. */
export function isPromise(response: Response | Promise<Response>): response is Promise<Response> {
  return typeof (response as Partial<Promise<Response>> | undefined)?.then === 'function'
}

/** The response, which tells client and server to close the connection after it. */
export function closing(response: Response): Response {
  // Bun has no response to a request that became a WebSocket. `Response.error()` has the status 0.
  if (response === undefined || response.status < 200) return response
  try {
    response.headers.set('connection', 'close')
    return response
  } catch {
    // The headers of a response that `fetch()` returned cannot be changed.
    const { status, statusText, body } = response
    const headers = new Headers(response.headers)
    headers.set('connection', 'close')
    return new Response(body, { status, statusText, headers })
  }
}
