import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { Counters } from '../telemetry/counters.ts'
import { quietly, type Tracing, type TracingSpan } from '../telemetry/tracing.ts'
import {
  APPEND_MAX_BYTES,
  APPEND_URL_PATH,
  type Append,
  type EntryRange,
  EXCHANGE_URL_PATH,
  encodeAppend,
  parseAppend,
} from '../wire/append-message.ts'
import {
  encodeRunsRequest,
  parseRunsAnswer,
  RUNS_URL_PATH,
  type RunsAnswer,
  type RunsRequest,
} from '../wire/run-messages.ts'
import { isSampled } from '../wire/traceparent.ts'
import {
  type Exchange,
  type ExchangeHandler,
  type OpenExchange,
  type PeerRequest,
  type PeerResponse,
  PeerStatusError,
  PeerTimeoutError,
  type PeerTransport,
  type Target,
} from './peer-transport.ts'
import type { RequestSigner } from './request-signer.ts'
import { TARGET_HEADER } from './signatures.ts'

/** Maximum number of traces that one request is linked to: OpenTelemetry keeps as many. */
const MAX_TRACE_LINKS = 128

/** Paths of requests that are signed; a Go Pod does not know the others' signatures. */
const SIGNED_PATHS: ReadonlySet<string> = new Set([APPEND_URL_PATH, RUNS_URL_PATH])

export interface PeerClientOptions {
  clock: Clock
  counters: Counters
  transport: PeerTransport
  /** Undefined: no exchanges, and single requests alone. */
  openExchange: OpenExchange | undefined
  /** Undefined: this Pod has no `peerSecret`. */
  signer: RequestSigner | undefined
  tracing: Tracing | undefined
  requestTimeoutMs: number
}

/** Body of a request, and the response that it may have. */
interface PostContent {
  path: string
  body: string
  maxBytes: number
}

/** When a request is given up. */
interface PostLimits {
  signal: AbortSignal
  /** Default: `requestTimeoutMs` of the client. */
  timeoutMs?: number | undefined
}

/** Sends requests to peers: signed, counted, traced, and within a timeout. */
export class PeerClient {
  readonly #clock: Clock
  readonly #counters: Counters
  readonly #signer: RequestSigner | undefined
  readonly #tracing: Tracing | undefined
  readonly #requestTimeoutMs: number
  #transport: PeerTransport
  #openExchange: OpenExchange | undefined

  constructor(options: PeerClientOptions) {
    const { clock, counters, transport, openExchange, signer, tracing, requestTimeoutMs } = options
    this.#openExchange = openExchange
    this.#clock = clock
    this.#counters = counters
    this.#transport = transport
    this.#signer = signer
    this.#tracing = tracing
    this.#requestTimeoutMs = requestTimeoutMs
  }

  /** Sends all later requests through `transport`, and opens exchanges through `openExchange`. */
  use(transport: PeerTransport, openExchange: OpenExchange | undefined): void {
    this.#transport = transport
    this.#openExchange = openExchange
  }

  /** True if this Pod can open exchanges with its peers. */
  get hasExchanges(): boolean {
    return this.#openExchange !== undefined
  }

  /** Opens an exchange, within the timeout; `signal` ends it only until it is open. @see OpenExchange */
  async openExchange(
    { host, uid }: Target,
    handler: ExchangeHandler,
    signal: AbortSignal,
  ): Promise<Exchange> {
    const path = EXCHANGE_URL_PATH
    return this.#within(signal, this.#requestTimeoutMs, (opening) =>
      (this.#openExchange as OpenExchange)({ host, path, headers: headersTo(uid), signal: opening }, handler),
    )
  }

  /** Starts the span of a message with runs in an exchange, where the trace of any of its events is sampled. */
  startSpan(host: string, runs: readonly EntryRange[]): TracingSpan | undefined {
    return this.#tracing === undefined ? undefined : startSpan(this.#tracing, host, runs)
  }

  /** Sends a v2 message and reads the response; undefined where the peer does not know v2. */
  async append(target: Target, message: Append, limits: PostLimits): Promise<Append | undefined> {
    const span = this.startSpan(target.host, message.runs)
    const content = { path: APPEND_URL_PATH, body: encodeAppend(message), maxBytes: APPEND_MAX_BYTES }
    let response: PeerResponse
    try {
      response = await this.post(target, content, limits)
    } catch (error) {
      quietly(() => span?.fail(error))
      throw error
    }
    const { status, body } = response
    if (status === 200) quietly(() => span?.end())
    else quietly(() => span?.fail(new SserError('peer-failed', `answered ${status}`)))
    if (status === 404) return undefined
    if (status !== 200) throw new PeerStatusError(status)
    return parseAppend(body)
  }

  /** Asks a peer for runs. @throws PeerStatusError 404 where it is a Pod of an older version */
  async askRuns(
    target: Target,
    request: Partial<RunsRequest> & Pick<RunsRequest, 'epoch'>,
    limits: PostLimits,
  ): Promise<RunsAnswer> {
    const content = { path: RUNS_URL_PATH, body: encodeRunsRequest(request), maxBytes: APPEND_MAX_BYTES }
    const { status, body } = await this.post(target, content, limits)
    if (status !== 200) throw new PeerStatusError(status)
    return parseRunsAnswer(body)
  }

  /** Posts JSON to a peer and reads the response, its body included, within the timeout. */
  async post({ host, uid }: Target, content: PostContent, limits: PostLimits): Promise<PeerResponse> {
    const { signal, timeoutMs = this.#requestTimeoutMs } = limits
    const response = await this.#within(signal, timeoutMs, (request) =>
      this.#counted({ host, headers: headersTo(uid), ...content, signal: request }),
    )
    if (response.status === 421) throw new PeerStatusError(421, 'another Pod has this address by now')
    if (response.status === 401)
      throw new PeerStatusError(
        401,
        this.#signer === undefined
          ? 'wants a signature; this Pod has no peerSecret'
          : 'refuses our signature: is its peerSecret ours?',
      )
    return response
  }

  /** Calls `send` with a signal that aborts with `signal`, or after the timeout. */
  async #within<T>(
    signal: AbortSignal,
    timeoutMs: number,
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    const request = new AbortController()
    const stop = () => request.abort(signal.reason)
    const cancelTimeout = this.#clock.after(timeoutMs, () => request.abort(new PeerTimeoutError(timeoutMs)))
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await send(request.signal)
    } finally {
      cancelTimeout()
      signal.removeEventListener('abort', stop)
    }
  }

  /** Counts the result of a request, unless this Pod itself cancelled it. */
  async #counted(request: PeerRequest): Promise<PeerResponse> {
    const startedAt = this.#clock.now()
    const count = (status: number) =>
      this.#counters.countRequest(request.host, status, this.#clock.now() - startedAt)
    try {
      const response = await this.#signed(request)
      count(response.status)
      return response
    } catch (error) {
      if (!isCancelled(request.signal)) count(0)
      throw error
    }
  }

  /** Signs a v2 request and verifies its response, where this Pod has a secret. A Go Pod does neither. */
  async #signed(request: PeerRequest): Promise<PeerResponse> {
    const signer = SIGNED_PATHS.has(request.path) ? this.#signer : undefined
    if (signer === undefined) return this.#transport(request)
    const { response, binding } = await signer.send(request, request.body, this.#transport)
    await signer.verify(binding, response)
    return response
  }
}

function headersTo(uid: string | undefined): Record<string, string> {
  return { 'content-type': 'application/json', ...(uid !== undefined && { [TARGET_HEADER]: uid }) }
}

/** Returns whether this Pod cancelled the request. A timeout aborts it as well, and counts as a failure of the peer. */
function isCancelled({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof SserError && reason.code === 'peer-failed')
}

/** Starts the span of a request, where the trace of any of its events is sampled. */
function startSpan(tracing: Tracing, peer: string, runs: readonly EntryRange[]): TracingSpan | undefined {
  const traceparents: string[] = []
  let events = 0
  for (const run of runs) {
    for (const { stream, traceparent } of run.events) {
      if (stream !== undefined) events += 1
      if (traceparent === undefined || traceparents.length === MAX_TRACE_LINKS) continue
      if (isSampled(traceparent)) traceparents.push(traceparent)
    }
  }
  return traceparents.length === 0 ? undefined : quietly(() => tracing.append({ peer, events, traceparents }))
}
