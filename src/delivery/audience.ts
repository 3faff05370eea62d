import type { Batch } from './batch.ts'
import type { Connection } from './connection.ts'

/** Connections that listen on the same streams: one encoded chunk serves all of them. */
export class Audience {
  /** In ascending order, so that clients that name the same streams in another order share their chunks as well. */
  readonly streams: readonly string[]
  readonly connections: Set<Connection> = new Set()

  constructor(sortedStreams: readonly string[]) {
    this.streams = sortedStreams
  }
}

/** Who listens on one stream. */
interface Listeners {
  readonly audiences: Set<Audience>
  connections: number
}

/** Who listens on what on this Pod. What nobody listens on any more is not remembered. */
export class Audiences {
  readonly #byStreams = new Map<string, Audience>()
  readonly #byStream = new Map<string, Listeners>()

  /** Streams that somebody listens on. */
  get streams(): Iterable<string> {
    return this.#byStream.keys()
  }

  /** How many streams that are. */
  get streamCount(): number {
    return this.#byStream.size
  }

  has(stream: string): boolean {
    return this.#byStream.has(stream)
  }

  /** Connections that listen on `stream`. */
  listeners(stream: string): number {
    return this.#byStream.get(stream)?.connections ?? 0
  }

  /** Those who listen on `stream`, and perhaps on others. */
  *on(stream: string): Generator<Connection> {
    for (const { connections } of this.#byStream.get(stream)?.audiences ?? []) yield* connections
  }

  /** The audience of `streams`, in whatever order; it is kept from its first connection to its last. */
  of(streams: readonly string[]): Audience {
    const sorted = streams.toSorted()
    return this.#byStreams.get(nameOf(sorted)) ?? new Audience(sorted)
  }

  join(connection: Connection): void {
    const { audience } = connection
    audience.connections.add(connection)
    if (audience.connections.size === 1) this.#byStreams.set(nameOf(audience.streams), audience)
    for (const stream of audience.streams) {
      const listeners = this.#byStream.get(stream)
      if (listeners === undefined)
        this.#byStream.set(stream, { audiences: new Set([audience]), connections: 1 })
      else {
        listeners.audiences.add(audience)
        listeners.connections += 1
      }
    }
  }

  leave(connection: Connection): void {
    const { audience } = connection
    if (!audience.connections.delete(connection)) return
    const isEmpty = audience.connections.size === 0
    if (isEmpty) this.#byStreams.delete(nameOf(audience.streams))
    for (const stream of audience.streams) {
      const listeners = this.#byStream.get(stream) as Listeners
      listeners.connections -= 1
      if (isEmpty) listeners.audiences.delete(audience)
      if (listeners.connections === 0) this.#byStream.delete(stream)
    }
  }

  /** Those whom something in the batch concerns; some more than once, if they listen on several of its streams. */
  *concerned({ streams }: Batch): Generator<Audience> {
    if (streams === undefined) {
      yield* this.#byStreams.values()
      return
    }
    for (const stream of streams) {
      const listeners = this.#byStream.get(stream)
      if (listeners !== undefined) yield* listeners.audiences
    }
  }
}

/** No stream's name has a line break. */
function nameOf(streams: readonly string[]): string {
  return streams.join('\n')
}
