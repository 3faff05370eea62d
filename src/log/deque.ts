/** A queue that is also an array: push at the end, shift at the front, read anywhere, all in constant time. */
export class Deque<T> {
  #items: (T | undefined)[] = []
  #start = 0

  get length(): number {
    return this.#items.length - this.#start
  }

  at(index: number): T | undefined {
    return this.#items[this.#start + index]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#start]
    this.#items[this.#start] = undefined
    this.#start += 1
    // Half of the array is empty: moving the rest now costs each item one move in its life.
    if (this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start)
      this.#start = 0
    }
    return item
  }

  /** The first index whose item passes; `length` if none does. Items that pass must all come last. */
  lowerBound(passes: (item: T) => boolean): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (passes(this.at(middle) as T)) high = middle
      else low = middle + 1
    }
    return low
  }
}
