/** Maximum number of events that wait in one queue. */
const MAX_EVENTS = 4_096
/** Maximum length of the payloads that wait in one queue, in UTF-16 units. */
const MAX_LENGTH = 4_194_304

/** A queue that drops its oldest items beyond its bounds. */
export class BoundedQueue<T> {
  #items: { item: T; length: number }[] = []
  #head = 0
  #length = 0

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  /**
   * Adds an item whose payload has `length` units. Returns the newest item that had to be dropped; without a length none is.
   */
  push(item: T, length: number | undefined): T | undefined {
    this.#items.push({ item, length: length ?? 0 })
    if (length === undefined) return undefined
    this.#length += length
    let dropped: T | undefined
    while (this.#items.length - this.#head > MAX_EVENTS || (this.#length > MAX_LENGTH && !this.isEmpty))
      dropped = this.shift()
    return dropped
  }

  shift(): T | undefined {
    const first = this.#items[this.#head]
    if (first === undefined) return undefined
    this.#head += 1
    this.#length -= first.length
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return first.item
  }

  clear(): void {
    this.#items = []
    this.#head = this.#length = 0
  }
}
