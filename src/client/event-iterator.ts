import { BoundedQueue } from './bounded-queue.ts'
import { ClientError } from './error.ts'

const DONE = { done: true, value: undefined } as const

/**
 * The values of one loop, as they come. A bounded one that does not read fast enough ends with `slow-reader`; of another
 * one the source waits for {@link whenRead}.
 */
export class EventIterator<T> implements AsyncIterableIterator<T, undefined, void> {
  readonly #queue = new BoundedQueue<T>()
  readonly #close: () => void
  readonly #isBounded: boolean
  #onRead: (() => void) | undefined
  #waiting: PromiseWithResolvers<IteratorResult<T, undefined>>[] = []
  #end: { readonly error?: ClientError | undefined } | undefined

  /** `open` begins to push values, and returns the function that ends it. */
  constructor(open: (iterator: EventIterator<T>) => () => void, isBounded = true) {
    this.#isBounded = isBounded
    this.#close = open(this)
  }

  push(value: T, length: number): void {
    if (this.#end !== undefined) return
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) return waiting.resolve({ done: false, value })
    if (this.#queue.push(value, this.#isBounded ? length : undefined) === undefined) return
    this.#queue.clear()
    const message = 'the loop reads too slowly, and its queue is full'
    this.end(new ClientError({ code: 'slow-reader', message }))
  }

  /** Resolves once the loop has read all values; undefined where it has. */
  whenRead(): Promise<void> | undefined {
    if (this.#queue.isEmpty) return undefined
    return new Promise((resolve) => {
      this.#onRead = resolve
    })
  }

  /** Ends the loop after the values that wait. */
  end(error?: ClientError): void {
    if (this.#end !== undefined) return
    this.#end = { error }
    this.#close()
    const [first, ...rest] = this.#waiting.splice(0)
    if (first === undefined) return
    // The error is thrown once, as by a generator.
    this.#end = {}
    if (error === undefined) first.resolve(DONE)
    else first.reject(error)
    for (const { resolve } of rest) resolve(DONE)
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (!this.#queue.isEmpty) {
      const value = this.#queue.shift() as T
      if (this.#queue.isEmpty) this.#onRead?.()
      return { done: false, value }
    }
    if (this.#end === undefined) {
      const waiting = Promise.withResolvers<IteratorResult<T, undefined>>()
      this.#waiting.push(waiting)
      return waiting.promise
    }
    const { error } = this.#end
    this.#end = {}
    if (error !== undefined) throw error
    return DONE
  }

  /** Ends the loop; leaving it calls this. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#queue.clear()
    this.end()
    this.#end = {}
    return DONE
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
