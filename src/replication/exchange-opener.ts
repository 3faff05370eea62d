import type { Clock } from '../clock.ts'
import { quietly } from '../telemetry/tracing.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import { PeerStatusError, type Target } from '../transport/peer-transport.ts'
import { type ExchangeContext, type ExchangeOwner, LinkExchange } from './link-exchange.ts'

/** Wait after an exchange in which the peer acknowledged something, in milliseconds. */
const REOPEN_MS = 200
/** Wait after one without, doubled with each further one, in milliseconds. */
const RETRY_MS = 1_000
/** Maximum wait, and the wait after the 404 of a Pod that has no exchanges, in milliseconds. */
const MAX_RETRY_MS = 60_000

/** When a link may open its next exchange; until then it sends single requests. */
class ExchangeSchedule {
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

export interface ExchangeOpenerOptions {
  clock: Clock
  client: PeerClient
  exchangeContext: ExchangeContext
}

/** The link that an exchange serves. */
export interface OpenerOwner extends Pick<ExchangeOwner, 'maySend' | 'onOpen' | 'onPosition' | 'onOwnRange'> {
  onAck: NonNullable<ExchangeOwner['onAck']>
  /** The exchange is over. `hasSucceeded`: the peer acknowledged something in it. */
  onEnd(error: unknown, hasSucceeded: boolean): void
}

/** Opens exchanges with one peer, one at a time, beside the single requests of its link. */
export class ExchangeOpener {
  /** The exchange that is opening or open. */
  current: LinkExchange | undefined
  readonly #options: ExchangeOpenerOptions
  readonly #owner: OpenerOwner
  readonly #signal: AbortSignal
  readonly #schedule: ExchangeSchedule

  constructor(options: ExchangeOpenerOptions, owner: OpenerOwner, signal: AbortSignal) {
    this.#options = options
    this.#owner = owner
    this.#signal = signal
    this.#schedule = new ExchangeSchedule(options.clock)
  }

  /** True if the peer has sent its first message in the current exchange. */
  get isOpen(): boolean {
    return this.current?.isOpen === true
  }

  /** Lets the next exchange open at once, because another Pod may have the address. */
  reset(): void {
    this.#schedule.reset()
  }

  /** Opens an exchange, if there is none and it is time. */
  open(target: Target): void {
    const { client, exchangeContext } = this.#options
    const isDue = client.hasExchanges && this.#schedule.isDue
    if (!isDue || this.current !== undefined || this.#signal.aborted) return
    const owner = this.#owner
    let hasSucceeded = false
    const exchange = new LinkExchange(exchangeContext, {
      ...owner,
      isOpener: true,
      onAck: (peer, now) => {
        hasSucceeded = true
        owner.onAck(peer, now)
      },
      onSent: ({ run }) => {
        const span = client.startSpan(target.host, [run])
        return span && (() => quietly(() => span.end()))
      },
      onEnd: (error) => {
        this.current = undefined
        this.#schedule.end(error, hasSucceeded)
        owner.onEnd(error, hasSucceeded)
      },
    })
    this.current = exchange
    client.openExchange(target, exchange, this.#signal).then(
      (opened) => exchange.begin(opened),
      (error: unknown) => exchange.abort(error),
    )
  }
}
