import { BodyBudget } from '../../src/http/body-reader.ts'
import type { Duplex, DuplexReader } from '../../src/http/duplex.ts'
import { ExchangeCounts } from '../../src/telemetry/counters.ts'
import { LineExchange } from '../../src/transport/line-exchange.ts'
import { type ExchangeSide, type Hmac, MessageMacs } from '../../src/transport/signatures.ts'
import { VirtualClock } from '../support/clock.ts'

const encoder = new TextEncoder()
export const MAC: string = 'A'.repeat(43)

/** What a side of an exchange wrote, and what happened to its connection. */
class Written implements Duplex {
  text = ''
  writes = 0
  isEnded = false
  destroyedBy: unknown
  bufferedBytes = 0
  reader: DuplexReader | undefined

  write(text: string): void {
    this.text += text
    this.writes += 1
  }

  end(): void {
    this.isEnded = true
  }

  destroy(reason: unknown): void {
    this.destroyedBy ??= reason
  }

  read(reader: DuplexReader): void {
    this.reader = reader
  }

  /** Complete lines. */
  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }
}

export interface SideOptions {
  key?: Hmac
  mac?: string
  side?: ExchangeSide
  budget?: BodyBudget
  address?: string
}

/** One side of an exchange, with what it received. */
export class Side {
  readonly clock = new VirtualClock()
  readonly duplex = new Written()
  readonly texts: string[] = []
  readonly ends: unknown[] = []
  readonly rejected: string[] = []
  readonly counts = new ExchangeCounts()
  gone = 0
  readonly exchange: LineExchange
  onMessage: (text: string) => void = (text) => this.texts.push(text)

  constructor({ key, mac = MAC, side = 'accepting', budget, address = '10.0.0.9' }: SideOptions = {}) {
    this.exchange = new LineExchange({
      duplex: this.duplex,
      macs: key && new MessageMacs({ key, mac }, side),
      clock: this.clock,
      messageTimeoutMs: 10_000,
      counts: this.counts,
      budget: budget ?? new BodyBudget(67_108_864),
      address,
      onRejected: ({ code }) => this.rejected.push(code),
      onGone: () => {
        this.gone += 1
      },
    })
    this.exchange.start({
      onMessage: (text) => this.onMessage(text),
      onClose: (error) => this.ends.push(error),
    })
  }

  receive(bytes: string | Uint8Array): void {
    this.duplex.reader?.onBytes(typeof bytes === 'string' ? encoder.encode(bytes) : bytes)
  }

  end(error?: unknown): void {
    this.duplex.reader?.onEnd(error)
  }

  get code(): unknown {
    return (this.ends[0] as { code?: unknown } | undefined)?.code
  }
}
