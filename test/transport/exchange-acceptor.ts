import { Hono } from 'hono'
import { systemClock } from '../../src/clock.ts'
import { SserError } from '../../src/errors.ts'
import { BodyBudget, BodyReader } from '../../src/http/body-reader.ts'
import { InternalGuard } from '../../src/replication/internal-guard.ts'
import { exchangeRoute } from '../../src/replication/routes.ts'
import { ExchangeCounts } from '../../src/telemetry/counters.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import type { Exchange } from '../../src/transport/peer-transport.ts'
import { type HmacFactory, Signatures } from '../../src/transport/signatures.ts'
import { EXCHANGE_URL_PATH } from '../../src/wire/append-message.ts'

export interface AcceptorOptions {
  secrets?: string[]
  hmacFactory?: HmacFactory
  allowUnsignedPeers?: boolean
  messageTimeoutMs?: number
  maxBufferedBytes?: number
}

/** The accepting side of exchanges: it echoes each text, and says `bye` when the peer has ended its direction. */
export class Acceptor {
  readonly texts: string[] = []
  readonly exchanges: Exchange[] = []
  /** How each exchange ended. */
  readonly ends: unknown[] = []
  readonly counts = new ExchangeCounts()
  readonly errors = new ErrorReporter()
  readonly app: Hono
  /** False: it takes texts and answers none. */
  isEchoing = true

  constructor(options: AcceptorOptions = {}) {
    const { secrets, hmacFactory, allowUnsignedPeers = false } = options
    const { messageTimeoutMs = 10_000, maxBufferedBytes = 67_108_864 } = options
    const bodyBudget = new BodyBudget(maxBufferedBytes)
    const signatures = secrets && new Signatures(secrets, systemClock)
    if (hmacFactory !== undefined) signatures?.use(hmacFactory)
    const guard = new InternalGuard({
      errors: this.errors,
      bodyReader: new BodyReader({ clock: systemClock, budget: bodyBudget, timeoutMs: 10_000 }),
      allowedInternalHosts: [],
      peerAddresses: () => [],
      isStopped: () => false,
      onRequest: () => {},
      isFor: (uid) => uid === 'this-pod',
      signatures,
      allowUnsignedPeers,
    })
    const route = exchangeRoute({
      guard,
      errors: this.errors,
      clock: systemClock,
      bodyBudget,
      internalBodyTimeoutMs: messageTimeoutMs,
      exchangeCounts: this.counts,
      accept: (exchange) => this.#accept(exchange),
    })
    this.app = new Hono().post(EXCHANGE_URL_PATH, route)
  }

  #accept(exchange: Exchange) {
    this.exchanges.push(exchange)
    return {
      onMessage: (text: string) => {
        if (text === 'wrong') throw new SserError('invalid-peer-message', 'Expected another text')
        this.texts.push(text)
        if (text === 'leave') {
          exchange.send('last')
          exchange.close()
        } else if (this.isEchoing) exchange.send(`echo ${text}`)
      },
      onClose: (error?: unknown) => {
        this.ends.push(error)
        if (error === undefined) exchange.send('bye')
      },
    }
  }
}
