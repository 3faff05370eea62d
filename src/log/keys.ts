import { Deque } from './deque.ts'
import type { EventItem } from './items.ts'

/** Events of the log that are one and the same, in order of arrival. */
type Twins = Pick<Deque<EventItem>, 'at' | 'length'>

/** The events in the log that were sent with a key: those of one stream that share a key are one event. */
export class Keys {
  /** Nearly every key is that of one event, which then stands here by itself. */
  readonly #items = new Map<string, EventItem | Deque<EventItem>>()

  add(item: EventItem): void {
    if (item.key === undefined) return
    const name = nameOf(item.stream, item.key)
    const held = this.#items.get(name)
    if (held === undefined) this.#items.set(name, item)
    else if (held instanceof Deque) held.push(item)
    else {
      const twins = new Deque<EventItem>()
      twins.push(held)
      twins.push(item)
      this.#items.set(name, twins)
    }
  }

  /** Takes out the log's oldest item, which arrived before its twins. */
  remove(item: EventItem): void {
    if (item.key === undefined) return
    const name = nameOf(item.stream, item.key)
    const held = this.#items.get(name)
    if (held instanceof Deque && held.length > 1) held.shift()
    else this.#items.delete(name)
  }

  /** The event that was sent with this key and arrived first. */
  first(stream: string, key: string): EventItem | undefined {
    const held = this.#items.get(nameOf(stream, key))
    return held instanceof Deque ? held.at(0) : held
  }

  /** Whether no other event that is the same arrived before it, as far as the log knows. */
  isFirst(item: EventItem): boolean {
    return item.key === undefined || this.first(item.stream, item.key) === item
  }

  /** All that are the same event as `item`, itself among them; undefined where there is no other. */
  twins(item: EventItem): Twins | undefined {
    if (item.key === undefined) return undefined
    const held = this.#items.get(nameOf(item.stream, item.key))
    return held instanceof Deque ? held : undefined
  }
}

function nameOf(stream: string, key: string): string {
  return `${stream}\n${key}`
}
