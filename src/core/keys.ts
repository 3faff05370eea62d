import type { EventItem } from './items.ts'

/** The events in the log that were sent with a key: those of one stream that share a key are one event. */
export class Keys {
  readonly #items = new Map<string, EventItem[]>()

  add(item: EventItem): void {
    if (item.key === undefined) return
    const twins = this.#items.get(nameOf(item))
    if (twins === undefined) this.#items.set(nameOf(item), [item])
    else twins.push(item)
  }

  remove(item: EventItem): void {
    if (item.key === undefined) return
    const twins = this.#items.get(nameOf(item))
    if (twins === undefined) return
    if (twins.length === 1) this.#items.delete(nameOf(item))
    else twins.splice(twins.indexOf(item), 1)
  }

  /** The event that was sent with this key and arrived first. */
  first(stream: string, key: string): EventItem | undefined {
    return this.#items.get(`${stream}\n${key}`)?.[0]
  }

  /** The other events that are the same event. */
  twins(item: EventItem): readonly EventItem[] {
    if (item.key === undefined) return []
    return (this.#items.get(nameOf(item)) ?? []).filter((twin) => twin !== item)
  }
}

function nameOf(item: EventItem): string {
  return `${item.stream}\n${item.key}`
}
