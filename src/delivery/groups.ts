import type { Connection } from './connection.ts'

/** Connections by something that several of them can have. What nobody has any more is not remembered. */
export class Groups<Key> {
  readonly #groups = new Map<Key, Set<Connection>>()

  /** How many groups there are. */
  get size(): number {
    return this.#groups.size
  }

  of(key: Key): Iterable<Connection> {
    return this.#groups.get(key) ?? []
  }

  keys(): Iterable<Key> {
    return this.#groups.keys()
  }

  join(key: Key, connection: Connection): void {
    const group = this.#groups.get(key)
    if (group === undefined) this.#groups.set(key, new Set([connection]))
    else group.add(connection)
  }

  leave(key: Key, connection: Connection): void {
    const group = this.#groups.get(key)
    group?.delete(connection)
    if (group?.size === 0) this.#groups.delete(key)
  }
}
