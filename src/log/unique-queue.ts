import { Deque } from './deque.ts'

/**
 * Values in the order in which they were added, each once. A `Set` alone would not do, because reading its first value takes time
 * for each one that was deleted before it.
 */
export class UniqueQueue<T> {
  readonly #values = new Set<T>()
  /** With the deleted ones, until they are the larger part. */
  readonly #order = new Deque<T>()

  get size(): number {
    return this.#values.size
  }

  get oldest(): T | undefined {
    for (;;) {
      const first = this.#order.at(0)
      if (first === undefined || this.#values.has(first)) return first
      this.#order.shift()
    }
  }

  /** Without effect for a value that it has. */
  add(value: T): void {
    if (this.#values.has(value)) return
    this.#values.add(value)
    this.#order.push(value)
  }

  delete(value: T): void {
    if (!this.#values.delete(value) || this.#order.length < 2 * this.size) return
    this.#order.filter((each) => this.#values.has(each))
  }
}
