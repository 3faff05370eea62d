/** A value that changes: the contract of React's `useSyncExternalStore`. */
export interface Readable<T> {
  /** The current value. */
  get(): T
  /** Calls `listener` after each change until the returned function is called. */
  subscribe(listener: (value: T) => void): () => void
}

/** A {@link Readable} that its owner sets. The methods are bound, so that they can be passed on. */
export class Observable<T> implements Readable<T> {
  readonly #listeners = new Set<(value: T) => void>()
  #value: T

  constructor(value: T) {
    this.#value = value
  }

  readonly get = (): T => this.#value

  readonly subscribe = (listener: (value: T) => void): (() => void) => {
    // One entry for each call, also of the same function.
    const entry = (value: T) => listener(value)
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  /** Sets the value; an equal value is no change. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of this.#listeners) listener(value)
  }
}
