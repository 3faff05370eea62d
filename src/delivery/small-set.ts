/**
 * A set in order of insertion that makes a `Set` for its second item, because most streams have one connection, and a
 * `Set` costs an event as much as a connection's other objects.
 */
export class SmallSet<T> {
  #first: T | undefined
  #all: Set<T> | undefined

  get size(): number {
    if (this.#all !== undefined) return this.#all.size
    return this.#first === undefined ? 0 : 1
  }

  /** The item of a set that has never had two; undefined: there is none, or {@link values} has the items. */
  get only(): T | undefined {
    return this.#first
  }

  add(item: T): void {
    if (this.#all !== undefined) this.#all.add(item)
    else if (this.#first === undefined) this.#first = item
    else if (this.#first !== item) {
      this.#all = new Set([this.#first, item])
      this.#first = undefined
    }
  }

  /** Returns whether the set had the item. */
  delete(item: T): boolean {
    if (this.#all !== undefined) return this.#all.delete(item)
    if (this.#first !== item) return false
    this.#first = undefined
    return true
  }

  values(): IterableIterator<T> {
    const { only } = this
    return (only === undefined ? (this.#all ?? []) : [only]).values()
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.values()
  }
}
