/** Capacity below which a queue does not shrink. */
const MIN_SHRUNK = 16

/** Double-ended queue with random access: `push()`, `shift()` and `at()` take constant time, averaged over many calls. */
export class Deque<T> {
  /**
   * A ring, whose size is a power of two or 0. In a queue that gains an item for each one that it loses, nothing is allocated.
   * @see https://en.wikipedia.org/wiki/Circular_buffer
   */
  #ring: (T | undefined)[] = []
  #start = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  at(index: number): T | undefined {
    return index < 0 || index >= this.#length ? undefined : this.#ring[this.#placeOf(index)]
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#resize(Math.max(1, 2 * this.#length))
    this.#ring[this.#placeOf(this.#length)] = item
    this.#length += 1
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#start]
    this.#ring[this.#start] = undefined
    this.#start = this.#placeOf(1)
    this.#length -= 1
    const capacity = this.#ring.length
    if (capacity > MIN_SHRUNK && this.#length * 4 <= capacity) this.#resize(capacity / 2)
    return item
  }

  /** Removes the items that do not pass; takes time proportional to the length. */
  filter(passes: (item: T) => boolean): void {
    const length = this.#length
    let kept = 0
    for (let i = 0; i < length; i += 1) {
      const item = this.at(i) as T
      if (!passes(item)) continue
      this.#ring[this.#placeOf(kept)] = item
      kept += 1
    }
    for (let i = kept; i < length; i += 1) this.#ring[this.#placeOf(i)] = undefined
    this.#length = kept
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

  #placeOf(index: number): number {
    return (this.#start + index) & (this.#ring.length - 1)
  }

  #resize(capacity: number): void {
    const ring = new Array<T | undefined>(capacity)
    for (let i = 0; i < this.#length; i += 1) ring[i] = this.at(i)
    this.#ring = ring
    this.#start = 0
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
