import type { Connection } from './connection.ts'

/** An index of connections by a key that several of them share. A key without connections takes no memory. */
export class ConnectionsByKey<Key> {
  readonly #byKey = new Map<Key, Set<Connection>>()

  /** Number of keys. */
  get size(): number {
    return this.#byKey.size
  }

  of(key: Key): Iterable<Connection> {
    return this.#byKey.get(key) ?? []
  }

  keys(): Iterable<Key> {
    return this.#byKey.keys()
  }

  add(key: Key, connection: Connection): void {
    const connections = this.#byKey.get(key)
    if (connections === undefined) this.#byKey.set(key, new Set([connection]))
    else connections.add(connection)
  }

  remove(key: Key, connection: Connection): void {
    const connections = this.#byKey.get(key)
    connections?.delete(connection)
    if (connections?.size === 0) this.#byKey.delete(key)
  }
}
