/** Double-ended queue with random access: `push()`, `shift()` and `at()` take constant time. */
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
    // Half of the array is empty: compacting it now moves each item once on average.
    if (this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start)
      this.#start = 0
    }
    return item
  }

  /** Removes the items that do not pass; takes time proportional to the length. */
  filter(passes: (item: T) => boolean): void {
    const kept: T[] = []
    for (let i = this.#start; i < this.#items.length; i += 1) {
      const item = this.#items[i] as T
      if (passes(item)) kept.push(item)
    }
    this.#items = kept
    this.#start = 0
  }

  /**
   * The first index of an item that passes, else `length`. Passing items must follow all others. It searches from the end in
   * growing steps, and then binary within the last one, because most searches are for one of the newest items.
   * @see https://en.wikipedia.org/wiki/Exponential_search
   */
  lowerBound(passes: (item: T) => boolean): number {
    let high = this.length
    for (let step = 1; high > 0; step *= 2) {
      const low = Math.max(0, high - step)
      if (!passes(this.at(low) as T))
        return low + 1 + lowerBound(high - low - 1, (place) => passes(this.at(low + 1 + place) as T))
      high = low
    }
    return 0
  }
}

/** The first place from 0 on that passes, where all after it pass, too; `length` where none does. */
export function lowerBound(length: number, passes: (place: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (passes(middle)) high = middle
    else low = middle + 1
  }
  return low
}
