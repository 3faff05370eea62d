import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { BodyBuffer, declaredLength, decodeBody, readBody, tooLarge } from './body.ts'

/** A sender whose bytes are buffered. */
export interface BudgetHolder {
  /** Its address. */
  readonly address: string
  /** Called when its bytes are to be dropped, because all bytes together exceed the budget. */
  evict(error: SserError): void
}

/** A limit of the bytes that are buffered for untrusted senders, all together. */
export class BodyBudget {
  readonly #maxBytes: number
  readonly #held = new Map<BudgetHolder, number>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Sets the bytes of a holder. Beyond the limit the largest holder of the heaviest address is evicted; false where that is
   * this one.
   */
  set(holder: BudgetHolder, bytes: number): boolean {
    const others = () => this.#bytes - (this.#held.get(holder) ?? 0)
    while (others() + bytes > this.#maxBytes) {
      const largest = this.#largest() ?? holder
      this.release(largest)
      largest.evict(overloaded())
      if (largest === holder) return false
    }
    this.#bytes = others() + bytes
    this.#held.set(holder, bytes)
    return true
  }

  release(holder: BudgetHolder): void {
    this.#bytes -= this.#held.get(holder) ?? 0
    this.#held.delete(holder)
  }

  /** The largest holder of the address that has most bytes. */
  #largest(): BudgetHolder | undefined {
    const sums = new Map<string, number>()
    for (const [{ address }, bytes] of this.#held) sums.set(address, (sums.get(address) ?? 0) + bytes)
    let most = 0
    for (const sum of sums.values()) most = Math.max(most, sum)
    let largest: BudgetHolder | undefined
    let largestBytes = -1
    for (const [holder, bytes] of this.#held) {
      if (sums.get(holder.address) !== most || bytes <= largestBytes) continue
      largest = holder
      largestBytes = bytes
    }
    return largest
  }
}

export function overloaded(): SserError {
  return new SserError('overloaded', 'Too many bodies are being read')
}

/** The members of Node's `IncomingMessage` that are used here. `@hono/node-server` passes it to an app in `env`. */
interface NodeRequest {
  readonly readableDidRead: boolean
  readonly readableEnded: boolean
  readonly destroyed: boolean
  on(event: string, listener: (value: never) => void): unknown
  off(event: string, listener: (value: never) => void): unknown
  pause(): unknown
}

/** Node's request of `env`, if there is one with an unread body. */
function nodeRequestOf(env: unknown): NodeRequest | undefined {
  const { incoming } = (env ?? {}) as { incoming?: NodeRequest & { rawBody?: unknown } }
  if (typeof incoming?.pause !== 'function' || typeof incoming.on !== 'function') return undefined
  return incoming.readableDidRead || incoming.rawBody !== undefined ? undefined : incoming
}

/**
 * Reads a body from Node's own stream, piece by piece, because the web stream above it costs ten times as much for each
 * piece, and `arrayBuffer()` keeps every piece until the last.
 * @throws SserError `body-too-large`, or `invalid-peer-message` where the body breaks off; the error of `onCost`.
 */
function readNodeBody(
  request: NodeRequest,
  { maxBytes, length, onCost }: { maxBytes: number; length: number; onCost: (bytes: number) => void },
): { body: Promise<string>; stop: () => void } {
  const buffer = new BodyBuffer(maxBytes, length)
  const { promise: body, resolve, reject } = Promise.withResolvers<string>()
  const onData = (piece: Uint8Array) => {
    try {
      onCost(buffer.add(piece))
    } catch (error) {
      fail(error)
    }
  }
  const onEnd = () => {
    stop()
    resolve(decodeBody(buffer.take()))
  }
  const onClose = () => fail(new SserError('invalid-peer-message', 'The body broke off'))
  const listeners = { data: onData, end: onEnd, error: onClose, close: onClose }
  const stop = () => {
    for (const [event, listener] of Object.entries(listeners)) request.off(event, listener)
    // Without a listener the stream would throw its errors.
    request.on('error', () => {})
    if (!request.readableEnded) request.pause()
  }
  const fail = (error: unknown) => {
    stop()
    reject(error)
  }
  for (const [event, listener] of Object.entries(listeners)) request.on(event, listener)
  if (request.destroyed) onClose()
  return { body, stop }
}

export interface BodyReaderOptions {
  clock: Clock
  /** Limit of the bytes that are buffered for incomplete bodies, all together. */
  budget: BodyBudget
  /** How long one body may take, in milliseconds. */
  timeoutMs: number
}

/**
 * Reads bodies of untrusted senders, with a limit for each and for all together. Only received bytes count, not announced
 * ones. Beyond the limit the largest body of the heaviest address is rejected.
 */
export class BodyReader {
  readonly #options: BodyReaderOptions

  constructor(options: BodyReaderOptions) {
    this.#options = options
  }

  /**
   * Reads the body of `request`. `env` is the second argument that the runtime hands to an app.
   * @throws SserError `body-too-large`, `body-timeout` or `overloaded`; the error of a body that breaks off.
   */
  async read(request: Request, maxBytes: number, address = '', env?: unknown): Promise<string> {
    const { budget, clock, timeoutMs } = this.#options
    const length = declaredLength(request.headers)
    const nodeRequest = length === undefined ? undefined : nodeRequestOf(env)
    if (nodeRequest !== undefined && length !== undefined && length > maxBytes) throw tooLarge(maxBytes)
    const { promise: rejected, reject } = Promise.withResolvers<never>()
    let isOver = false
    let bytes = 0
    const evict = (error: SserError) => {
      isOver = true
      reject(error)
    }
    const holder = { address, evict }
    const cancel = clock.after(timeoutMs, () => {
      reject(new SserError('body-timeout', `A body takes at most ${timeoutMs} ms`))
    })
    /** Counts received bytes. Throws where the body was evicted before, or is evicted now. */
    const onCost = (cost: number) => {
      bytes += cost
      if (isOver || !budget.set(holder, bytes)) throw overloaded()
    }
    const { body, stop } =
      nodeRequest === undefined || length === undefined
        ? { body: readBody(request, maxBytes, onCost), stop: () => {} }
        : readNodeBody(nodeRequest, { maxBytes, length, onCost })
    try {
      return await Promise.race([body, rejected])
    } finally {
      isOver = true
      cancel()
      stop()
      budget.release(holder)
    }
  }
}
