import { type Duplex, WebDuplex } from '../http/duplex.ts'
import type { ExchangeRequest } from './exchange.ts'
import type { Fetch } from './peer-transport.ts'
import { SIGNATURE_HEADER } from './signatures.ts'

/** The head of the response to an {@link ExchangeRequest}, and the open bodies. */
export interface DuplexResponse {
  status: number
  /** Value of {@link SIGNATURE_HEADER}. */
  signature: string | undefined
  /** Undefined unless the status is 200; then the connection is closed. */
  duplex: Duplex | undefined
}

/**
 * Opens a POST whose body stays open. It resolves with the head of the response, MUST reject when the signal aborts before,
 * MUST cut the connection when it aborts later, and MUST NOT follow redirects.
 */
export type DuplexTransport = (request: ExchangeRequest) => Promise<DuplexResponse>

/** Transport for runtimes without a leaner client than `fetch`. */
export function fetchDuplexTransport(fetch: Fetch): DuplexTransport {
  return async ({ host, path, headers, signal }) => {
    const cut = new AbortController()
    const duplex = new WebDuplex((reason) => cut.abort(reason))
    const init: RequestInit & { proxy: false; duplex: 'half' } = {
      // See fetchTransport.
      proxy: false,
      method: 'POST',
      headers,
      body: duplex.written,
      duplex: 'half',
      redirect: 'manual',
      signal: AbortSignal.any([signal, cut.signal]),
    }
    const response = await fetch(`http://${host}${path}`, init)
    const { status, body } = response
    const signature = response.headers.get(SIGNATURE_HEADER) ?? undefined
    if (status === 200 && body !== null) return { status, signature, duplex: duplex.from(body) }
    duplex.destroy(new Error(`answered ${status}`))
    return { status, signature, duplex: undefined }
  }
}
