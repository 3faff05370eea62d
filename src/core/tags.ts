import type { Connection } from './connection.ts'

/** Who has which tag. */
export class Tags {
  readonly #connections = new Map<string, Set<Connection>>()

  join(connection: Connection): void {
    for (const tag of connection.terms?.tags ?? []) {
      const connections = this.#connections.get(tag)
      if (connections === undefined) this.#connections.set(tag, new Set([connection]))
      else connections.add(connection)
    }
  }

  leave(connection: Connection): void {
    for (const tag of connection.terms?.tags ?? []) {
      const connections = this.#connections.get(tag)
      connections?.delete(connection)
      if (connections?.size === 0) this.#connections.delete(tag)
    }
  }

  having(tag: string): Iterable<Connection> {
    return this.#connections.get(tag) ?? []
  }
}
