import type { RequestBinding } from './signatures.ts'

/** The side of an exchange that sends a message. */
export type ExchangeSide = 'opening' | 'accepting'

/** Length of a MAC in text. */
export const MAC_LENGTH = 43

/**
 * Signs the messages of one exchange, and verifies those of the peer. A MAC covers the exchange, by the MAC of its head, which is
 * accepted once; the side; and the number of the message: so no message can be dropped, repeated, reordered, or moved.
 */
export class MessageMacs {
  readonly #binding: RequestBinding
  readonly #own: ExchangeSide
  #sent = 0
  #received = 0

  /** `own`: the side of this Pod. */
  constructor(binding: RequestBinding, own: ExchangeSide) {
    this.#binding = binding
    this.#own = own
  }

  /** Returns the MAC of the next message of this side. */
  sign(text: string): string | Promise<string> {
    return this.#binding.key.sign(this.#head(this.#own, this.#sent++), text)
  }

  /** Returns whether the MAC is that of the next message of the peer. */
  verify(mac: string, text: string): boolean | Promise<boolean> {
    const side = this.#own === 'opening' ? 'accepting' : 'opening'
    const head = this.#head(side, this.#received++)
    return MAC.test(mac) && this.#binding.key.verify(mac, head, text)
  }

  #head(side: ExchangeSide, number: number): string {
    return `sser message\n${this.#binding.mac}\n${side}\n${number}\n`
  }
}

const MAC = /^[\w-]{42}[048AEIMQUYcgkosw]$/
