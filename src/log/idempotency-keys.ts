import { Deque } from './deque.ts'
import type { EventEntry } from './entry.ts'

/** Entries of one event that was sent more than once, in order of arrival. */
type Duplicates = Pick<Deque<EventEntry>, 'at' | 'length'>

/** Index of the log's events by idempotency key: entries of one stream that share a key are one event. */
export class IdempotencyKeys {
  /** A key of a single entry maps to that entry, without a queue, because nearly every key is of that kind. */
  readonly #entries = new Map<string, EventEntry | Deque<EventEntry>>()

  add(entry: EventEntry): void {
    if (entry.key === undefined) return
    const name = indexKey(entry.stream, entry.key)
    const held = this.#entries.get(name)
    if (held === undefined) this.#entries.set(name, entry)
    else if (held instanceof Deque) held.push(entry)
    else {
      const duplicates = new Deque<EventEntry>()
      duplicates.push(held)
      duplicates.push(entry)
      this.#entries.set(name, duplicates)
    }
  }

  /** Removes the log's oldest entry, which arrived before its duplicates. */
  remove(entry: EventEntry): void {
    if (entry.key === undefined) return
    const name = indexKey(entry.stream, entry.key)
    const held = this.#entries.get(name)
    if (held instanceof Deque && held.length > 1) held.shift()
    else this.#entries.delete(name)
  }

  /** The first event to arrive that was sent with this key. */
  first(stream: string, key: string): EventEntry | undefined {
    const held = this.#entries.get(indexKey(stream, key))
    return held instanceof Deque ? held.at(0) : held
  }

  /** Returns whether no duplicate of `entry` that the log holds arrived before it. */
  isFirst(entry: EventEntry): boolean {
    return entry.key === undefined || this.first(entry.stream, entry.key) === entry
  }

  /** All entries of the event of `entry`, `entry` included; undefined where there is no other. */
  duplicates(entry: EventEntry): Duplicates | undefined {
    if (entry.key === undefined) return undefined
    const held = this.#entries.get(indexKey(entry.stream, entry.key))
    return held instanceof Deque ? held : undefined
  }
}

function indexKey(stream: string, key: string): string {
  return `${stream}\n${key}`
}
