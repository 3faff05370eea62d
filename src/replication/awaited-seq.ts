/**
 * The last event of this Pod whose receipt something awaits. Peers may acknowledge other events later, because an
 * acknowledgement costs as much as a small event.
 */
export class AwaitedSeq {
  #value = 0
  readonly #onRaise: () => void

  /** Calls `onRaise` when it rises: a peer may have been told that it need not hurry. */
  constructor(onRaise: () => void) {
    this.#onRaise = onRaise
  }

  get value(): number {
    return this.#value
  }

  raise(seq: number): void {
    if (seq <= this.#value) return
    this.#value = seq
    this.#onRaise()
  }
}
