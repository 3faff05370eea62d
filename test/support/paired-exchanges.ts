import type { AcceptExchange, Exchange, ExchangeHandler } from '../../src/transport/peer-transport.ts'

/** Exchanges between Pods of one process: texts arrive in order, in a later microtask, until a test cuts them. */
export class PairedExchanges {
  /** Number of texts that were delivered. */
  texts = 0
  readonly #pairs = new Set<Pair>()

  /** Opens an exchange from one Pod to another. */
  open(from: number, to: number, handler: ExchangeHandler, accept: AcceptExchange): Exchange {
    const pair = new Pair(from, to, () => (this.texts += 1))
    pair.ends[1].handler = accept(pair.ends[1])
    pair.ends[0].handler = handler
    this.#pairs.add(pair)
    return pair.ends[0]
  }

  /** Resets every exchange of which `isCut` says so, as TCP does. */
  cut(isCut: (from: number, to: number) => boolean): void {
    for (const pair of this.#pairs) {
      if (!isCut(pair.from, pair.to)) continue
      this.#pairs.delete(pair)
      pair.ends[0].abort(new Error('the connection was reset'))
    }
  }
}

class Pair {
  readonly ends: readonly [End, End]

  readonly from: number
  readonly to: number

  constructor(from: number, to: number, onText: () => void) {
    this.from = from
    this.to = to
    const ends: [End, End] = [new End(onText), new End(onText)]
    ends[0].other = ends[1]
    ends[1].other = ends[0]
    this.ends = ends
  }
}

/** What one Pod holds of an exchange; its handler is that Pod's. */
class End implements Exchange {
  readonly bufferedBytes = 0
  other!: End
  handler: ExchangeHandler | undefined
  readonly #onText: () => void
  #isClosed = false
  #isOver = false

  constructor(onText: () => void) {
    this.#onText = onText
  }

  send(text: string): void {
    if (this.#isClosed) return
    const { other } = this
    this.#later(() => {
      if (other.#isOver) return
      this.#onText()
      other.handler?.onMessage(text)
    })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#later(() => this.other.#end())
  }

  abort(reason: unknown): void {
    this.#isClosed = true
    this.#end(reason)
    this.#later(() => this.other.#end(new Error('the peer has reset the connection')))
  }

  #end(error?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.handler?.onClose(error)
  }

  /** After the head of the response, and after all texts before. */
  #later(deliver: () => void): void {
    setImmediate(deliver)
  }
}
