import { type FrameFormat, STANDARD } from '../wire/sse-frame.ts'
import type { Frames } from './batch.ts'
import type { StreamConnection } from './stream-connection.ts'

/** Connections that listen on the same streams in the same format: one encoded chunk serves all of them. */
export class Audience {
  /** In ascending order, so that clients that name the same streams in another order share their chunks as well. */
  readonly streams: readonly string[]
  readonly format: FrameFormat
  readonly connections: SmallSet<StreamConnection> = new SmallSet()
  /** The listeners of each of its streams while it has a connection, so that a batch looks up none. */
  members: readonly Listeners[] = []

  constructor(sortedStreams: readonly string[], format: FrameFormat = STANDARD) {
    this.streams = sortedStreams
    this.format = format
  }
}

/** The connections of one stream. */
export class Listeners {
  readonly stream: string
  readonly audiences: SmallSet<Audience> = new SmallSet()
  connections = 0
  /** Frames of the stream in the batch that is being delivered. */
  frames: Frames | undefined

  constructor(stream: string) {
    this.stream = stream
  }
}

/** Index of the connections of this Pod by stream. A stream without connections takes no memory. */
export class Audiences {
  readonly #byStreams = new Map<string, Audience>()
  readonly #byStream = new Map<string, Listeners>()

  /** Every audience. */
  get all(): Iterable<Audience> {
    return this.#byStreams.values()
  }

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

  /** The listeners of `stream`; undefined: it has no connection. */
  get(stream: string): Listeners | undefined {
    return this.#byStream.get(stream)
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
    if (audience.connections.size === 1) {
      this.#byStreams.set(keyOf(audience.streams, audience.format), audience)
      audience.members = audience.streams.map((stream) => this.#listenersOf(stream))
      for (const { audiences } of audience.members) audiences.add(audience)
    }
    for (const listeners of audience.members) listeners.connections += 1
  }

  remove(connection: StreamConnection): void {
    const { audience } = connection
    if (!audience.connections.delete(connection)) return
    const isEmpty = audience.connections.size === 0
    if (isEmpty) this.#byStreams.delete(keyOf(audience.streams, audience.format))
    for (const listeners of audience.members) {
      listeners.connections -= 1
      if (isEmpty) listeners.audiences.delete(audience)
      if (listeners.connections === 0) this.#byStream.delete(listeners.stream)
    }
    if (isEmpty) audience.members = []
  }

  #listenersOf(stream: string): Listeners {
    let listeners = this.#byStream.get(stream)
    if (listeners === undefined) {
      listeners = new Listeners(stream)
      this.#byStream.set(stream, listeners)
    }
    return listeners
  }
}

/** Stream names have no line breaks. */
function keyOf(streams: readonly string[], format: FrameFormat): string {
  return format.key + streams.join('\n')
}

/**
 * A set in order of insertion that makes a `Set` for its second item, because most streams have one connection, and a
 * `Set` costs an event as much as a connection's other objects.
 */
export class SmallSet<T> {
  #first: T | undefined
  #all: Set<T> | undefined

  get size(): number {
    if (this.#all !== undefined) return this.#all.size
    return this.#first === undefined ? 0 : 1
  }

  /** The item of a set that has never had two; undefined: there is none, or {@link values} has the items. */
  get only(): T | undefined {
    return this.#first
  }

  add(item: T): void {
    if (this.#all !== undefined) this.#all.add(item)
    else if (this.#first === undefined) this.#first = item
    else if (this.#first !== item) {
      this.#all = new Set([this.#first, item])
      this.#first = undefined
    }
  }

  /** Returns whether the set had the item. */
  delete(item: T): boolean {
    if (this.#all !== undefined) return this.#all.delete(item)
    if (this.#first !== item) return false
    this.#first = undefined
    return true
  }

  values(): IterableIterator<T> {
    const { only } = this
    return (only === undefined ? (this.#all ?? []) : [only]).values()
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.values()
  }
}
