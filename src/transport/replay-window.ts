/** Numbers that may arrive in disorder: a request that was given up may come after the next. */
const WINDOW = 32

interface Sender {
  highest: number
  /** Bit i: `highest - i` was seen. */
  seen: number
  at: number
}

/**
 * Which of a sender's numbers were seen: each counts once, and one far below the highest never.
 * @see https://www.rfc-editor.org/rfc/rfc4303#section-3.4.3
 */
export class ReplayWindow {
  readonly #senders = new Map<string, Sender>()
  readonly #forgetMs: number

  /** A sender that is silent for `forgetMs` is forgotten: what it sent before is refused for its age by then. */
  constructor(forgetMs: number) {
    this.#forgetMs = forgetMs
  }

  /** Senders that are remembered. */
  get size(): number {
    return this.#senders.size
  }

  /** Whether `number` was seen, or may have been: what can be told without taking note of it. */
  hasSeen(sender: string, number: number): boolean {
    const known = this.#senders.get(sender)
    if (known === undefined || number > known.highest) return false
    const behind = known.highest - number
    return behind >= WINDOW || (known.seen & (1 << behind)) !== 0
  }

  /** Takes note of `number`; false if it was seen before, or may have been. */
  isFirst(sender: string, number: number, now: number): boolean {
    const known = this.#senders.get(sender)
    // In order of use, so that those to be forgotten come first.
    this.#senders.delete(sender)
    this.#forget(now)
    if (known === undefined) {
      this.#senders.set(sender, { highest: number, seen: 1, at: now })
      return true
    }
    this.#senders.set(sender, known)
    known.at = now
    const ahead = number - known.highest
    if (ahead > 0) {
      known.seen = ahead < WINDOW ? (known.seen << ahead) | 1 : 1
      known.highest = number
      return true
    }
    const bit = 1 << -ahead
    if (-ahead >= WINDOW || (known.seen & bit) !== 0) return false
    known.seen |= bit
    return true
  }

  #forget(now: number): void {
    for (const [sender, { at }] of this.#senders) {
      if (now - at <= this.#forgetMs) return
      this.#senders.delete(sender)
    }
  }
}
