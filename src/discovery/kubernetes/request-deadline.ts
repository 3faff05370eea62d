import type { Clock } from '../../clock.ts'

/** Time limits of one request. Its signal aborts when the first limit passes, and when the finder stops. */
export class RequestDeadline {
  readonly #clock: Clock
  readonly #parent: AbortSignal
  readonly #controller = new AbortController()
  readonly #cancels = new Set<() => void>()
  readonly #onAbort = () => this.#controller.abort(this.#parent.reason)

  constructor(clock: Clock, parent: AbortSignal) {
    this.#clock = clock
    this.#parent = parent
    if (parent.aborted) this.#onAbort()
    parent.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Aborts the request after `ms` milliseconds with an error of this message. Returns a function that cancels the limit. */
  abortAfter(ms: number, message: string): () => void {
    const cancel = this.#clock.after(ms, () => this.#controller.abort(new Error(message)))
    this.#cancels.add(cancel)
    return () => {
      cancel()
      this.#cancels.delete(cancel)
    }
  }

  /** Cancels every limit, because the request is over. */
  end(): void {
    for (const cancel of this.#cancels) cancel()
    this.#parent.removeEventListener('abort', this.#onAbort)
  }
}
