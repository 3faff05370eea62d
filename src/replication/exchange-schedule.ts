import type { Clock } from '../clock.ts'
import { PeerStatusError } from '../transport/peer-transport.ts'

/** Wait after an exchange in which the peer acknowledged something, in milliseconds. */
const REOPEN_MS = 200
/** Wait after one without, doubled with each further one, in milliseconds. */
const RETRY_MS = 1_000
/** Maximum wait, and the wait after the 404 of a Pod that has no exchanges, in milliseconds. */
const MAX_RETRY_MS = 60_000

/** When a link may open its next exchange; until then it sends single requests. */
export class ExchangeSchedule {
  readonly #clock: Clock
  #failures = 0
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isDue(): boolean {
    return this.#clock.now() >= this.#notBefore
  }

  /** Records the end of an exchange, or that it was not opened. `hasSucceeded`: the peer acknowledged something in it. */
  end(error: unknown, hasSucceeded: boolean): void {
    this.#notBefore = this.#clock.now() + this.#waitMs(error, hasSucceeded)
    this.#failures = hasSucceeded ? 0 : this.#failures + 1
  }

  /** Lets the link open one at once, because another Pod may have the address. */
  reset(): void {
    this.#failures = 0
    this.#notBefore = Number.NEGATIVE_INFINITY
  }

  #waitMs(error: unknown, hasSucceeded: boolean): number {
    if (hasSucceeded) return REOPEN_MS
    if (error instanceof PeerStatusError && error.received === 404) return MAX_RETRY_MS
    return Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** this.#failures)
  }
}
