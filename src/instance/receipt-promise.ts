import type { Receipt } from '../replication/receipt.ts'

type Executor = ConstructorParameters<typeof Promise<Receipt>>[0]

/** The promise of a receipt, which tells that something awaits it: few calls of `send()` are awaited. */
export class ReceiptPromise extends Promise<Receipt> {
  /** `await` calls `then()` of a promise of any other class than this one. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  #onAwait: (() => void) | undefined

  constructor(executor: Executor, onAwait?: () => void) {
    super(executor)
    this.#onAwait = onAwait
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise has it
  override then<A = Receipt, B = never>(
    onFulfilled?: ((receipt: Receipt) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#onAwait?.()
    this.#onAwait = undefined
    return super.then(onFulfilled, onRejected)
  }
}
