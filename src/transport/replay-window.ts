/** Width of the window: a request that reached its timeout may arrive after the next one. */
const WINDOW = 32

interface Sender {
  highest: number
  /** Bit i is set when `highest - i` was received. */
  received: number
  at: number
}

/**
 * Anti-replay window over the numbers of each sender: each number is accepted once, and none below the window.
 * @see https://www.rfc-editor.org/rfc/rfc4303#section-3.4.3
 */
export class ReplayWindow {
  readonly #senders = new Map<string, Sender>()
  readonly #forgetMs: number

  /** Forgets a sender after `forgetMs` without a request, because its earlier requests are rejected for their age then. */
  constructor(forgetMs: number) {
    this.#forgetMs = forgetMs
  }

  /** Number of remembered senders. */
  get size(): number {
    return this.#senders.size
  }

  /** Returns whether `number` was received, or may have been. Records nothing. */
  isReplay(sender: string, number: number): boolean {
    const known = this.#senders.get(sender)
    if (known === undefined || number > known.highest) return false
    const behind = known.highest - number
    return behind >= WINDOW || (known.received & (1 << behind)) !== 0
  }

  /** Records `number`; false if it was received before, or may have been. */
  accept(sender: string, number: number, now: number): boolean {
    const known = this.#senders.get(sender)
    // In order of their last request, so that the senders to forget come first.
    this.#senders.delete(sender)
    this.#forget(now)
    if (known === undefined) {
      this.#senders.set(sender, { highest: number, received: 1, at: now })
      return true
    }
    this.#senders.set(sender, known)
    known.at = now
    const ahead = number - known.highest
    if (ahead > 0) {
      known.received = ahead < WINDOW ? (known.received << ahead) | 1 : 1
      known.highest = number
      return true
    }
    const bit = 1 << -ahead
    if (-ahead >= WINDOW || (known.received & bit) !== 0) return false
    known.received |= bit
    return true
  }

  #forget(now: number): void {
    for (const [sender, { at }] of this.#senders) {
      if (now - at <= this.#forgetMs) return
      this.#senders.delete(sender)
    }
  }
}
