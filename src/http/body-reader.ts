import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { declaredLength, readBody, tooLarge } from './body.ts'
import { type BodyBudget, overloaded } from './body-budget.ts'
import { nodeRequestOf, readNodeBody } from './node-request.ts'

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
