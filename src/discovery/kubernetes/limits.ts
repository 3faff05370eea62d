import type { Clock } from '../../clock.ts'

/** What one request may take: its signal aborts at the first limit that is passed, and when the finder stops. */
export class Limits {
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

  /** Ends the request with `complaint` after `ms` milliseconds, unless the returned function calls that off. */
  after(ms: number, complaint: string): () => void {
    const cancel = this.#clock.after(ms, () => this.#controller.abort(new Error(complaint)))
    this.#cancels.add(cancel)
    return () => {
      cancel()
      this.#cancels.delete(cancel)
    }
  }

  /** The request is over. */
  end(): void {
    for (const cancel of this.#cancels) cancel()
    this.#parent.removeEventListener('abort', this.#onAbort)
  }
}
