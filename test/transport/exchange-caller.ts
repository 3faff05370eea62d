import { systemClock } from '../../src/clock.ts'
import { ExchangeCounts } from '../../src/telemetry/counters.ts'
import { ExchangeClient } from '../../src/transport/exchange-client.ts'
import type { DuplexTransport, Exchange } from '../../src/transport/peer-transport.ts'
import { RequestSigner } from '../../src/transport/request-signer.ts'
import { type HmacFactory, Signatures } from '../../src/transport/signatures.ts'
import { EXCHANGE_URL_PATH } from '../../src/wire/append-message.ts'
import { until } from '../support/until.ts'

export interface CallerOptions {
  transport: DuplexTransport
  secrets?: string[] | undefined
  hmacFactory?: HmacFactory | undefined
  allowUnsignedPeers?: boolean
  uid?: string
  /** Difference of its time from the machine's, in milliseconds. Default: 0. */
  skewMs?: number
  signal?: AbortSignal
}

class SkewedSignatures extends Signatures {
  readonly #skewMs: number

  constructor(secrets: string[], skewMs: number) {
    super(secrets, systemClock)
    this.#skewMs = skewMs
  }

  override get time(): number {
    return super.time + this.#skewMs
  }
}

/** The opening side of an exchange. */
export class Caller {
  readonly texts: string[] = []
  /** How the exchange ended: one entry once it has. */
  readonly ends: unknown[] = []
  readonly counts = new ExchangeCounts()
  #exchange: Exchange | undefined
  #closeAll: (() => void) | undefined

  static async open(host: string, options: CallerOptions): Promise<Caller> {
    const { transport, secrets, hmacFactory, allowUnsignedPeers = false, uid } = options
    const { signal = new AbortController().signal } = options
    const caller = new Caller()
    const signatures = secrets && new SkewedSignatures(secrets, options.skewMs ?? 0)
    if (hmacFactory !== undefined) signatures?.use(hmacFactory)
    const client = new ExchangeClient({
      transport,
      clock: systemClock,
      counts: caller.counts,
      signer: signatures && new RequestSigner({ signatures, allowUnsignedPeers, allowGoPeers: false }),
      maxBufferedBytes: 67_108_864,
    })
    caller.#closeAll = () => client.closeAll()
    const headers = { 'content-type': 'application/json', ...(uid !== undefined && { 'sser-target': uid }) }
    caller.#exchange = await client.open(
      { host, path: EXCHANGE_URL_PATH, headers, signal },
      {
        onMessage: (text) => caller.texts.push(text),
        onClose: (error) => caller.ends.push(error),
      },
    )
    return caller
  }

  get exchange(): Exchange {
    return this.#exchange as Exchange
  }

  /** Ends all exchanges, as after the renewal of a certificate. */
  closeAll(): void {
    this.#closeAll?.()
  }

  /** Sends, and resolves with the echoes. */
  async echoes(texts: readonly string[]): Promise<string[]> {
    const before = this.texts.length
    for (const text of texts) this.exchange.send(text)
    const isOver = () => this.texts.length >= before + texts.length || this.ends.length > 0
    await until('the echoes', isOver)
    return this.texts.slice(before)
  }

  /** Resolves with how the exchange ended; undefined: without an error. */
  async end(): Promise<unknown> {
    await until('the end of the exchange', () => this.ends.length > 0)
    return this.ends[0]
  }
}
