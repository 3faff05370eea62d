import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { readBody } from '../wire/body.ts'

export interface IntakeOptions {
  clock: Clock
  /** Bytes of bodies that may be on their way at once, each counted as long as it may be. */
  maxBytes: number
  /** How long one body may take, in milliseconds. */
  timeoutMs: number
}

/** Reads bodies that strangers may have sent: neither all of them together nor any of them alone takes too much. */
export class Intake {
  readonly #options: IntakeOptions
  #bytes = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** @throws SserError `body-too-large`, `body-too-slow`, `busy`; what the body throws when it breaks off. */
  async read(request: Request, maxBytes: number): Promise<string> {
    const { clock, maxBytes: maxTotal, timeoutMs } = this.#options
    const declared = request.headers.get('content-length')
    // Bun hands on a length that came twice as `5, 5`.
    const isLength = declared !== null && /^\d+$/.test(declared)
    const bytes = isLength ? Math.min(Number(declared), maxBytes) : maxBytes
    if (this.#bytes + bytes > maxTotal) throw new SserError('busy', 'Too many bodies are being read')
    this.#bytes += bytes
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(timeoutMs, () => {
      late.reject(new SserError('body-too-slow', `A body takes at most ${timeoutMs} ms`))
    })
    try {
      return await Promise.race([readBody(request, maxBytes), late.promise])
    } finally {
      cancel()
      this.#bytes -= bytes
    }
  }
}
