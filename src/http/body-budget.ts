import { SserError } from '../errors.ts'

/** A sender whose bytes are buffered. */
export interface BudgetHolder {
  /** Its address. */
  readonly address: string
  /** Called when its bytes are to be dropped, because all bytes together exceed the budget. */
  evict(error: SserError): void
}

/** A limit of the bytes that are buffered for untrusted senders, all together. */
export class BodyBudget {
  readonly #maxBytes: number
  readonly #held = new Map<BudgetHolder, number>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Sets the bytes of a holder. Beyond the limit the largest holder of the heaviest address is evicted; false where that is
   * this one.
   */
  set(holder: BudgetHolder, bytes: number): boolean {
    const others = () => this.#bytes - (this.#held.get(holder) ?? 0)
    while (others() + bytes > this.#maxBytes) {
      const largest = this.#largest() ?? holder
      this.release(largest)
      largest.evict(overloaded())
      if (largest === holder) return false
    }
    this.#bytes = others() + bytes
    this.#held.set(holder, bytes)
    return true
  }

  release(holder: BudgetHolder): void {
    this.#bytes -= this.#held.get(holder) ?? 0
    this.#held.delete(holder)
  }

  /** The largest holder of the address that has most bytes. */
  #largest(): BudgetHolder | undefined {
    const sums = new Map<string, number>()
    for (const [{ address }, bytes] of this.#held) sums.set(address, (sums.get(address) ?? 0) + bytes)
    let most = 0
    for (const sum of sums.values()) most = Math.max(most, sum)
    let largest: BudgetHolder | undefined
    let largestBytes = -1
    for (const [holder, bytes] of this.#held) {
      if (sums.get(holder.address) !== most || bytes <= largestBytes) continue
      largest = holder
      largestBytes = bytes
    }
    return largest
  }
}

export function overloaded(): SserError {
  return new SserError('overloaded', 'Too many bodies are being read')
}
