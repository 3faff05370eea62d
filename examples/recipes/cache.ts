// A cache in each Pod, and a signal between Pods that a value has changed.
import type { Sser, TypedStream } from 'sser'

export class PodCache<T> {
  readonly #load: (key: string) => Promise<T>
  readonly #values = new Map<string, Promise<T>>()
  readonly #stream: TypedStream<{ key: string }>

  constructor(sser: Sser, name: string, load: (key: string) => Promise<T>) {
    this.#stream = sser.stream(`cache:${name}`)
    this.#load = load
    this.#follow().catch(console.error)
  }

  /** The value of this Pod, loaded once. */
  get(key: string): Promise<T> {
    let value = this.#values.get(key)
    if (value === undefined) {
      value = this.#load(key)
      this.#values.set(key, value)
      // A later call loads again.
      value.catch(() => this.#delete(key, value))
    }
    return value
  }

  /** Call it after the change is in the database: every Pod loads the value again. */
  async invalidate(key: string): Promise<void> {
    this.#values.delete(key)
    await this.#stream.send({ key })
  }

  async #follow(): Promise<void> {
    for await (const item of this.#stream.subscribe()) {
      if (item.type === 'event') this.#values.delete(item.data.key)
      // Signals may be missing: no value is certain any more.
      else this.#values.clear()
    }
  }

  /** A load that an invalidation has overtaken is no longer in the map. */
  #delete(key: string, value: Promise<T> | undefined): void {
    if (this.#values.get(key) === value) this.#values.delete(key)
  }
}
