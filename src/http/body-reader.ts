import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { declaredLength, readBody, tooLarge } from './body.ts'
import { nodeRequestOf, readNodeBody } from './node-request.ts'

export interface BodyReaderOptions {
  clock: Clock
  /** Limit of the bytes that are buffered for incomplete bodies, all together. */
  maxBytes: number
  /** How long one body may take, in milliseconds. */
  timeoutMs: number
}

/** A body that is not complete yet. */
interface PendingBody {
  /** The address of its sender. */
  address: string
  /** Bytes that its pieces count as. */
  bytes: number
  reject(error: SserError): void
}

/**
 * Reads bodies of untrusted senders, with a limit for each and for all together. Only received bytes count, not announced
 * ones. Beyond the limit the largest body of the heaviest address is rejected.
 */
export class BodyReader {
  readonly #options: BodyReaderOptions
  readonly #pending = new Set<PendingBody>()
  #bytes = 0

  constructor(options: BodyReaderOptions) {
    this.#options = options
  }

  /**
   * Reads the body of `request`. `env` is the second argument that the runtime hands to an app.
   * @throws SserError `body-too-large`, `body-timeout` or `overloaded`; the error of a body that breaks off.
   */
  async read(request: Request, maxBytes: number, address = '', env?: unknown): Promise<string> {
    const { clock, timeoutMs } = this.#options
    const length = declaredLength(request.headers)
    const nodeRequest = length === undefined ? undefined : nodeRequestOf(env)
    if (nodeRequest !== undefined && length !== undefined && length > maxBytes) throw tooLarge(maxBytes)
    const { promise: rejected, reject } = Promise.withResolvers<never>()
    const pending: PendingBody = { address, bytes: 0, reject }
    const cancel = clock.after(timeoutMs, () => {
      reject(new SserError('body-timeout', `A body takes at most ${timeoutMs} ms`))
    })
    this.#pending.add(pending)
    const onCost = (bytes: number) => this.#reserve(pending, bytes)
    const { body, stop } =
      nodeRequest === undefined || length === undefined
        ? { body: readBody(request, maxBytes, onCost), stop: () => {} }
        : readNodeBody(nodeRequest, { maxBytes, length, onCost })
    try {
      return await Promise.race([body, rejected])
    } finally {
      cancel()
      stop()
      this.#release(pending)
    }
  }

  /** Counts received bytes. Throws where the body was evicted before, or is evicted now. */
  #reserve(pending: PendingBody, bytes: number): void {
    if (!this.#pending.has(pending)) throw overloaded()
    while (this.#bytes + bytes > this.#options.maxBytes) {
      const largest = this.#largestBody()
      this.#evict(largest)
      if (largest === pending) throw overloaded()
    }
    pending.bytes += bytes
    this.#bytes += bytes
  }

  /** The largest body of the address that has most bytes. */
  #largestBody(): PendingBody {
    const sums = new Map<string, number>()
    for (const { address, bytes } of this.#pending) sums.set(address, (sums.get(address) ?? 0) + bytes)
    let most = 0
    for (const sum of sums.values()) most = Math.max(most, sum)
    const candidates = [...this.#pending].filter(({ address }) => sums.get(address) === most)
    return candidates.reduce((largest, each) => (each.bytes > largest.bytes ? each : largest))
  }

  #evict(pending: PendingBody): void {
    pending.reject(overloaded())
    this.#release(pending)
  }

  #release(pending: PendingBody): void {
    if (this.#pending.delete(pending)) this.#bytes -= pending.bytes
  }
}

function overloaded(): SserError {
  return new SserError('overloaded', 'Too many bodies are being read')
}
