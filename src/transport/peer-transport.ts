import { discardBody, readBody } from '../http/body.ts'
import { SIGNATURE_HEADER } from './signatures.ts'

/** One POST to a peer. */
export interface PeerRequest {
  /** `address:port`. */
  host: string
  path: string
  headers: Readonly<Record<string, string>>
  body: string
  /** Maximum bytes of the response's body. 0: the body is not read. */
  maxBytes: number
  signal: AbortSignal
}

export interface PeerResponse {
  status: number
  /** Empty unless the status is 200. */
  body: string
  /** Value of {@link SIGNATURE_HEADER}. */
  signature?: string | undefined
}

/**
 * Sends requests to peers. It MUST reject when the signal aborts, MUST NOT follow redirects, MUST NOT send a request
 * twice, and MUST NOT hold more of a response than `maxBytes` and a constant.
 */
export type PeerTransport = (request: PeerRequest) => Promise<PeerResponse>

/** The part of the standard `fetch` that {@link fetchTransport} calls. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

let runtimeTransport: PeerTransport | undefined

/** Sets the {@link defaultTransport} of every instance that is made later. The package's entry under Node calls it. */
export function setDefaultTransport(transport: PeerTransport): void {
  runtimeTransport = transport
}

/**
 * Transport of an instance with neither the option `fetch` nor a `serve()`. Node has a client of its own, because its
 * `fetch` uses the proxy in HTTP_PROXY where NODE_USE_ENV_PROXY is set.
 */
export function defaultTransport(): PeerTransport {
  return runtimeTransport ?? fetchTransport(globalThis.fetch)
}

/** Transport for runtimes without a leaner client than `fetch`. It cancels the unread rest of a response's body. */
export function fetchTransport(fetch: Fetch): PeerTransport {
  return async ({ host, path, headers, body, maxBytes, signal }) => {
    let response: Response | undefined
    try {
      // Without `proxy: false`, Bun would send requests to the proxy in HTTP_PROXY, and take its response for the peer's.
      const init: RequestInit & { proxy: false } = {
        proxy: false,
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal,
      }
      response = await fetch(`http://${host}${path}`, init)
      const { status } = response
      const signature = response.headers.get(SIGNATURE_HEADER) ?? undefined
      const text = status === 200 && maxBytes > 0 ? await readBody(response, maxBytes) : ''
      return { status, body: text, signature }
    } finally {
      if (response?.bodyUsed === false) await discardBody(response)
    }
  }
}
