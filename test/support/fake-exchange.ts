import type { Exchange, ExchangeHandler, OpenExchange } from '../../src/transport/peer-transport.ts'
import { type ExchangeMessage, parseExchangeMessage } from '../../src/wire/exchange-message.ts'
import type { VirtualClock } from './clock.ts'

/** The other end of an exchange with the Pod under test: it records messages, and says what a test lets it say. */
export class FakeExchange implements Exchange {
  readonly texts: string[] = []
  readonly bufferedBytes = 0
  isClosed = false
  /** Reason with which the Pod aborted it. */
  abortedWith: unknown
  handler: ExchangeHandler | undefined
  readonly #clock: VirtualClock
  readonly #startedAt: number

  constructor(clock: VirtualClock, handler?: ExchangeHandler) {
    this.#clock = clock
    this.#startedAt = clock.now()
    this.handler = handler
  }

  get messages(): ExchangeMessage[] {
    return this.texts.map(parseExchangeMessage)
  }

  /** Messages of the events that it was sent, one list for each message with any. */
  get batches(): string[][] {
    return this.messages
      .map(({ runs = [] }) => runs.flatMap(({ events }) => events))
      .map((events) => events.flatMap(({ msg }) => (msg === undefined ? [] : [msg])))
      .filter((batch) => batch.length > 0)
  }

  send(text: string): void {
    this.texts.push(text)
  }

  close(): void {
    this.isClosed = true
  }

  abort(reason: unknown): void {
    this.abortedWith = reason
    this.handler?.onClose(reason)
  }

  /** Sends the Pod a message; `at`: by default the time since the exchange began. */
  say(message: Record<string, unknown>): void {
    const at = this.#clock.now() - this.#startedAt
    this.handler?.onMessage(JSON.stringify({ at, ...message }))
  }

  /** Acknowledges all that it was sent. */
  ack(): void {
    const runs = this.messages.flatMap((message) => message.runs ?? [])
    const acks = Object.fromEntries(runs.map(({ epoch, prev, events }) => [epoch, prev + events.length]))
    this.say({ taken: this.messages.filter((message) => message.runs !== undefined).length, acks })
  }
}

/** Opens exchanges with a fake peer: with `accept` false it never answers. */
export class FakeOpener {
  readonly exchanges: FakeExchange[] = []
  /** Number of attempts. */
  attempts = 0
  error: unknown
  answers = true
  readonly #clock: () => VirtualClock

  constructor(clock: () => VirtualClock) {
    this.#clock = clock
  }

  get latest(): FakeExchange {
    return this.exchanges.at(-1) as FakeExchange
  }

  readonly open: OpenExchange = ({ signal }, handler) => {
    this.attempts += 1
    if (this.error !== undefined) return Promise.reject(this.error)
    if (!this.answers)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const exchange = new FakeExchange(this.#clock(), handler)
    this.exchanges.push(exchange)
    return Promise.resolve(exchange)
  }
}
