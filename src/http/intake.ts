import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { declaredLength, readBody } from './body.ts'
import { tooLarge } from './body-buffer.ts'
import { nodeRequestOf, readNodeBody } from './node-request.ts'

export interface IntakeOptions {
  clock: Clock
  /** Bytes of bodies that may have come, and not be all there, at once. */
  maxBytes: number
  /** How long one body may take, in milliseconds. */
  timeoutMs: number
}

/** A body that is on its way. */
interface Reading {
  /** Who sends it. */
  address: string
  /** What its pieces count as, in bytes. */
  bytes: number
  giveUp(error: SserError): void
}

/**
 * Reads bodies that strangers may have sent: neither all of them together nor any of them alone takes too much. What
 * counts is what has come, not what was announced; where there is no room, it is taken from the address that has most.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #readings = new Set<Reading>()
  #bytes = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /**
   * Reads the body of `request`. `env` is what the runtime handed to the app beside it.
   * @throws SserError `body-too-large`, `body-timeout`, `overloaded`; what the body throws when it breaks off.
   */
  async read(request: Request, maxBytes: number, address = '', env?: unknown): Promise<string> {
    const { clock, timeoutMs } = this.#options
    const length = declaredLength(request.headers)
    const nodeRequest = length === undefined ? undefined : nodeRequestOf(env)
    if (nodeRequest !== undefined && length !== undefined && length > maxBytes) throw tooLarge(maxBytes)
    const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>()
    const reading: Reading = { address, bytes: 0, giveUp }
    const cancel = clock.after(timeoutMs, () => {
      giveUp(new SserError('body-timeout', `A body takes at most ${timeoutMs} ms`))
    })
    this.#readings.add(reading)
    const onCost = (bytes: number) => this.#take(reading, bytes)
    const { body, stop } =
      nodeRequest === undefined || length === undefined
        ? { body: readBody(request, maxBytes, onCost), stop: () => {} }
        : readNodeBody(nodeRequest, { maxBytes, length, onCost })
    try {
      return await Promise.race([body, givenUp])
    } finally {
      cancel()
      stop()
      this.#release(reading)
    }
  }

  /** So many bytes more have come. Throws where nobody wants them any more. */
  #take(reading: Reading, bytes: number): void {
    if (!this.#readings.has(reading)) throw busy()
    while (this.#bytes + bytes > this.#options.maxBytes) {
      const heaviest = this.#heaviest()
      heaviest.giveUp(busy())
      this.#release(heaviest)
      if (heaviest === reading) throw busy()
    }
    reading.bytes += bytes
    this.#bytes += bytes
  }

  /** The largest body of the address that has most. */
  #heaviest(): Reading {
    const sums = new Map<string, number>()
    for (const { address, bytes } of this.#readings) sums.set(address, (sums.get(address) ?? 0) + bytes)
    let most = 0
    for (const sum of sums.values()) most = Math.max(most, sum)
    const theirs = [...this.#readings].filter(({ address }) => sums.get(address) === most)
    return theirs.reduce((largest, each) => (each.bytes > largest.bytes ? each : largest))
  }

  #release(reading: Reading): void {
    if (this.#readings.delete(reading)) this.#bytes -= reading.bytes
  }
}

function busy(): SserError {
  return new SserError('overloaded', 'Too many bodies are being read')
}
