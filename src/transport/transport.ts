import { discardBody, readBody } from '../http/body.ts'
import { SIGNATURE_HEADER } from './signatures.ts'

/** One POST to a peer. */
export interface Outgoing {
  /** `address:port`. */
  host: string
  path: string
  headers: Readonly<Record<string, string>>
  body: string
  /** A longer answer is refused. 0: what the answer says is of no interest. */
  maxBytes: number
  signal: AbortSignal
}

export interface Answer {
  status: number
  /** Read where the status is 200, else empty. */
  body: string
  /** What stands in {@link SIGNATURE_HEADER}. */
  signature?: string | undefined
}

/**
 * How requests reach peers. It MUST reject when the signal aborts, MUST NOT follow redirects, MUST NOT post anything
 * twice, and MUST NOT hold more of an answer than `maxBytes` and a constant.
 */
export type Transport = (request: Outgoing) => Promise<Answer>

/** What a {@link Transport} may rest on. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

let runtimeTransport: Transport | undefined

/** Sets the {@link defaultTransport} of every instance that is made later. The package's entry under Node calls it. */
export function setDefaultTransport(transport: Transport): void {
  runtimeTransport = transport
}

/**
 * How requests reach peers where neither the option `fetch` nor `serve()` says. Node has its own client, because its
 * `fetch` goes through the proxy of HTTP_PROXY where NODE_USE_ENV_PROXY is set.
 */
export function defaultTransport(): Transport {
  return runtimeTransport ?? fetchTransport(globalThis.fetch)
}

/** The transport of a runtime that has nothing leaner. What is left of an answer's body is cancelled. */
export function fetchTransport(fetch: Fetch): Transport {
  return async ({ host, path, headers, body, maxBytes, signal }) => {
    let response: Response | undefined
    try {
      // Bun would hand what is between Pods to the proxy of HTTP_PROXY, and take what that says for the peer's answer.
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
      const answer = status === 200 && maxBytes > 0 ? await readBody(response, maxBytes) : ''
      return { status, body: answer, signature }
    } finally {
      if (response?.bodyUsed === false) await discardBody(response)
    }
  }
}
