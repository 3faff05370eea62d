import { hostOf, type Peer } from '../discovery/peer-finder.ts'
import { SserError } from '../errors.ts'
import { discardBody, readBody } from '../http/body.ts'
import { type Duplex, WebDuplex } from '../http/duplex.ts'
import { SIGNATURE_HEADER } from './signatures.ts'

/**
 * One open exchange with a peer: texts in both directions, each direction in order, until one side ends it. A text is
 * JSON, so it has no line feed, and the exchange may frame texts by one. An exchange loses no text but the last ones of
 * a direction: a receiver has every text before one that it has.
 */
export interface Exchange {
  /** Sends a text. Never blocks and never throws; the texts of one turn of the event loop may leave in one write. */
  send(text: string): void
  /** Bytes that were sent here and that the network has not taken. */
  readonly bufferedBytes: number
  /** Ends this direction after all texts that were sent. The peer then ends its own. */
  close(): void
  /** Ends both directions at once; texts that the network has not taken are lost. */
  abort(reason: unknown): void
}

/** Receives the texts of an exchange, and its end. */
export interface ExchangeHandler {
  onMessage(text: string): void
  /**
   * Called once, and nothing after it. Without an error the peer closed its direction, and no text of it is missing. After
   * {@link Exchange.abort} of this side the error is its reason.
   */
  onClose(error?: unknown): void
}

/** The head of an exchange with a peer. */
export interface ExchangeRequest {
  /** `address:port`. */
  readonly host: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Aborts the exchange, open or not yet. */
  readonly signal: AbortSignal
}

/**
 * Opens an exchange. Resolves when the peer has accepted it: its response has the status 200. The handler is called at
 * the earliest in the turn after that. It MUST NOT follow redirects.
 * @throws PeerStatusError with the status of any other response; the error of the network; the signal's reason.
 */
export type OpenExchange = (request: ExchangeRequest, handler: ExchangeHandler) => Promise<Exchange>

/**
 * Takes an exchange that a peer opened, and returns the receiver of its texts. It may send at once.
 * @throws SserError `stopped` where this Pod takes no exchange.
 */
export type AcceptExchange = (exchange: Exchange) => ExchangeHandler

/** Destination of the requests to a peer. */
export interface Target {
  /** `address:port`. */
  readonly host: string
  readonly uid: string | undefined
  /** @see Peer.ready */
  readonly ready?: boolean | undefined
  /** @see Peer.terminating */
  readonly terminating?: boolean | undefined
}

export function targetOf(peer: Peer, defaultPort: number): Target {
  const { uid, ready, terminating } = peer
  return { host: hostOf(peer, defaultPort), uid, ready, terminating }
}

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

/** The ways in which requests reach peers. */
export interface PeerTransports {
  /** Single requests. */
  post: PeerTransport
  /** Requests whose bodies stay open. */
  open: DuplexTransport
}

let runtimeTransports: PeerTransports | undefined

/** Sets the {@link defaultTransports} of every instance that is made later. The package's entry under Node calls it. */
export function setDefaultTransports(transports: PeerTransports): void {
  runtimeTransports = transports
}

/**
 * Transports of an instance that the app starts itself, without `serve()` and `join()`. Node has a client of its own, because its
 * `fetch` uses the proxy in HTTP_PROXY where NODE_USE_ENV_PROXY is set.
 */
export function defaultTransports(): PeerTransports {
  return runtimeTransports ?? fetchTransports(globalThis.fetch)
}

/** Transports for runtimes without a leaner client than `fetch`. */
export function fetchTransports(fetch: Fetch): PeerTransports {
  return { post: fetchTransport(fetch), open: fetchDuplexTransport(fetch) }
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

/** A peer responded with an HTTP status other than success. */
export class PeerStatusError extends SserError {
  /** Status of the peer's response. `status`, which every SserError has, is that of a response of this Pod. */
  readonly received: number

  constructor(status: number, message = `answered ${status}`) {
    super('peer-failed', message)
    this.received = status
  }
}

/** A peer did not respond in time, and may respond later: it may hang, or its network may drop packets. */
export class PeerTimeoutError extends SserError {
  constructor(timeoutMs: number) {
    super('peer-failed', `no answer within ${timeoutMs} ms`)
  }
}

/** Codes of Node and Bun for a port that no process listens on, and for a name that DNS does not know. */
const ABSENT: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ConnectionRefused', 'ENOTFOUND'])

/**
 * Returns whether a request failed because nothing runs at the peer's address, as before a Pod of a fixed list is
 * started.
 */
export function isAbsent(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1)
    if (ABSENT.has((cause as { code?: unknown }).code)) return true
  return false
}

/**
 * Returns whether a failed request says only that the peer is unavailable: no response, a 5xx, or a 421 of another Pod
 * at its address. Any other failure is a refusal, which no retry cures.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof PeerStatusError) return error.received === 421 || error.received >= 500
  return !(error instanceof SserError) || error.code === 'peer-failed'
}

/**
 * Returns whether the peer and this Pod refuse each other: the peer rejects this Pod's signature, its response is not
 * signed, or it speaks v1 alone, which this Pod does not accept.
 */
export function isMutualRefusal(error: unknown): boolean {
  return error instanceof PeerStatusError && [200, 401, 404].includes(error.received)
}

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
