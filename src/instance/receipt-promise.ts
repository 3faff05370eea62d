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
    this.markAwaited()
    return super.then(onFulfilled, onRejected)
  }

  /** Something awaits the receipt, or a promise that resolves with it. */
  markAwaited(): void {
    const onAwait = this.#onAwait
    this.#onAwait = undefined
    onAwait?.()
  }
}

/** Functions that settle a promise of a receipt. */
interface Settle {
  resolve(receipt: Receipt): void
  reject(reason: unknown): void
}

/**
 * A promise that settles as the one that `start` passes to `follow`, which counts as awaited once this one is. `wrap` may
 * observe how it settles.
 */
export function followReceipt(
  start: (follow: (sent: Promise<Receipt>) => void, reject: Settle['reject']) => void,
  wrap: (settle: Settle) => Settle = (settle) => settle,
): Promise<Receipt> {
  let followed: Promise<Receipt> | undefined
  let isAwaited = false
  const mark = () => {
    if (isAwaited && followed instanceof ReceiptPromise) followed.markAwaited()
  }
  const executor: Executor = (resolve, reject) =>
    start((sent) => {
      followed = sent
      mark()
      const settle = wrap({ resolve, reject })
      // The method of the class would say that the receipt is awaited.
      void Reflect.apply(Promise.prototype.then, sent, [settle.resolve, settle.reject])
    }, reject)
  return new ReceiptPromise(executor, () => {
    isAwaited = true
    mark()
  })
}
