import { type FrameFormat, STANDARD } from '../wire/frame-format.ts'
import type { Batch } from './batch.ts'
import type { StreamConnection } from './stream-connection.ts'

/** Connections that listen on the same streams in the same format: one encoded chunk serves all of them. */
export class Audience {
  /** In ascending order, so that clients that name the same streams in another order share their chunks as well. */
  readonly streams: readonly string[]
  readonly format: FrameFormat
  readonly connections: Set<StreamConnection> = new Set()

  constructor(sortedStreams: readonly string[], format: FrameFormat = STANDARD) {
    this.streams = sortedStreams
    this.format = format
  }
}

/** The connections of one stream. */
interface Listeners {
  readonly audiences: Set<Audience>
  connections: number
}

/** Index of the connections of this Pod by stream. A stream without connections takes no memory. */
export class Audiences {
  readonly #byStreams = new Map<string, Audience>()
  readonly #byStream = new Map<string, Listeners>()

  /** Streams that have a connection. */
  get streams(): Iterable<string> {
    return this.#byStream.keys()
  }

  /** Number of {@link streams}. */
  get streamCount(): number {
    return this.#byStream.size
  }

  has(stream: string): boolean {
    return this.#byStream.has(stream)
  }

  /** Number of connections that listen on `stream`. */
  listeners(stream: string): number {
    return this.#byStream.get(stream)?.connections ?? 0
  }

  /** Connections that listen on `stream`, alone or among others. */
  *on(stream: string): Generator<StreamConnection> {
    for (const { connections } of this.#byStream.get(stream)?.audiences ?? []) yield* connections
  }

  /** The audience of `streams`, in whatever order, with that format; it is kept from its first connection to its last. */
  of(streams: readonly string[], format: FrameFormat): Audience {
    const sorted = streams.toSorted()
    return this.#byStreams.get(keyOf(sorted, format)) ?? new Audience(sorted, format)
  }

  add(connection: StreamConnection): void {
    const { audience } = connection
    audience.connections.add(connection)
    if (audience.connections.size === 1)
      this.#byStreams.set(keyOf(audience.streams, audience.format), audience)
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

  remove(connection: StreamConnection): void {
    const { audience } = connection
    if (!audience.connections.delete(connection)) return
    const isEmpty = audience.connections.size === 0
    if (isEmpty) this.#byStreams.delete(keyOf(audience.streams, audience.format))
    for (const stream of audience.streams) {
      const listeners = this.#byStream.get(stream) as Listeners
      listeners.connections -= 1
      if (isEmpty) listeners.audiences.delete(audience)
      if (listeners.connections === 0) this.#byStream.delete(stream)
    }
  }

  /** Audiences that a batch has events for, each once. */
  *affectedBy({ streams }: Batch): Generator<Audience> {
    if (streams === undefined) {
      yield* this.#byStreams.values()
      return
    }
    const isOne = streams.size === 1
    const visited = new Set<Audience>()
    for (const stream of streams.keys()) {
      const listeners = this.#byStream.get(stream)
      if (listeners === undefined) continue
      for (const audience of listeners.audiences) {
        if (!isOne && audience.streams.length > 1) {
          if (visited.has(audience)) continue
          visited.add(audience)
        }
        yield audience
      }
    }
  }
}

/** Stream names have no line breaks. */
function keyOf(streams: readonly string[], format: FrameFormat): string {
  return format.key + streams.join('\n')
}
