import { Deque } from './deque.ts'
import type { EventItem } from './items.ts'

/** Entries of one event that was sent more than once, in order of arrival. */
type Duplicates = Pick<Deque<EventItem>, 'at' | 'length'>

/** Index of the log's events by idempotency key: entries of one stream that share a key are one event. */
export class IdempotencyKeys {
  /** A key of a single entry maps to that entry, without a queue, because nearly every key is of that kind. */
  readonly #items = new Map<string, EventItem | Deque<EventItem>>()

  add(item: EventItem): void {
    if (item.key === undefined) return
    const name = indexKey(item.stream, item.key)
    const held = this.#items.get(name)
    if (held === undefined) this.#items.set(name, item)
    else if (held instanceof Deque) held.push(item)
    else {
      const duplicates = new Deque<EventItem>()
      duplicates.push(held)
      duplicates.push(item)
      this.#items.set(name, duplicates)
    }
  }

  /** Removes the log's oldest item, which arrived before its duplicates. */
  remove(item: EventItem): void {
    if (item.key === undefined) return
    const name = indexKey(item.stream, item.key)
    const held = this.#items.get(name)
    if (held instanceof Deque && held.length > 1) held.shift()
    else this.#items.delete(name)
  }

  /** The first event to arrive that was sent with this key. */
  first(stream: string, key: string): EventItem | undefined {
    const held = this.#items.get(indexKey(stream, key))
    return held instanceof Deque ? held.at(0) : held
  }

  /** Whether no duplicate of `item` that the log holds arrived before it. */
  isFirst(item: EventItem): boolean {
    return item.key === undefined || this.first(item.stream, item.key) === item
  }

  /** All entries of the event of `item`, `item` included; undefined where there is no other. */
  duplicates(item: EventItem): Duplicates | undefined {
    if (item.key === undefined) return undefined
    const held = this.#items.get(indexKey(item.stream, item.key))
    return held instanceof Deque ? held : undefined
  }
}

function indexKey(stream: string, key: string): string {
  return `${stream}\n${key}`
}
