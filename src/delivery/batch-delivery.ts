import type { Audience, Listeners } from './audience.ts'
import { type Batch, WRITE_WORK } from './batch.ts'
import type { OutputBuffers } from './output-buffers.ts'
import type { StreamConnection } from './stream-connection.ts'

/** Connections that one turn of the event loop serves. */
export const YIELD_EVERY = 250

export interface BatchDeliveryOptions {
  outputs: OutputBuffers
  /** A connection fell behind, and asks to read its next slice of the log. */
  onBehind(connection: StreamConnection): void
  /** A connection's sink threw. */
  onBroken(connection: StreamConnection, error: unknown): void
}

/** Limits of one turn of the event loop. */
export interface Turn {
  /** Work so far. */
  work: number
  /** Buffered bytes that end the turn. */
  maxBytes: number
}

/**
 * The delivery of a batch to its audiences, each once, in as many turns of the event loop as it takes. Streams and audiences
 * with one item need no iterator, which would cost an event with one connection as much as its delivery. The sets may
 * change meanwhile, because a connection that is added now begins after the batch.
 */
export class BatchDelivery {
  readonly #options: BatchDeliveryOptions
  readonly #batch: Batch
  readonly #affected: readonly Listeners[]
  #next = 0
  /** The audiences of a stream, and the connections of an audience, that are left of those that the last turn has begun. */
  #audiences: Iterable<Audience> | undefined
  #connections: Iterable<StreamConnection> | undefined
  /** Served audiences with several streams, where several streams have events. */
  readonly #served: Set<Audience> | undefined

  /** `all`: every audience of the Pod. */
  constructor(batch: Batch, all: Iterable<Audience>, options: BatchDeliveryOptions) {
    this.#options = options
    this.#batch = batch
    const { affected } = batch
    this.#affected = affected ?? []
    if (affected === undefined) this.#audiences = all
    this.#served = this.#affected.length > 1 ? new Set() : undefined
  }

  /** Delivers to the next connections until the turn is over; returns true if they are all served. */
  serve(turn: Turn): boolean {
    if (this.#connections !== undefined && !this.#serveConnections(this.#connections, turn)) return false
    if (this.#audiences !== undefined && !this.#serveAudiences(this.#audiences, turn)) return false
    while (this.#next < this.#affected.length) {
      const { audiences } = this.#affected[this.#next] as Listeners
      this.#next += 1
      const { only } = audiences
      if (only === undefined) {
        this.#audiences = audiences.values()
        if (!this.#serveAudiences(this.#audiences, turn)) return false
      } else if (!this.#serveAudience(only, turn)) return false
    }
    return true
  }

  #serveAudiences(audiences: Iterable<Audience>, turn: Turn): boolean {
    for (const audience of audiences) if (!this.#serveAudience(audience, turn)) return false
    this.#audiences = undefined
    return true
  }

  #serveAudience(audience: Audience, turn: Turn): boolean {
    if (this.#served !== undefined && audience.streams.length > 1) {
      if (this.#served.has(audience)) return true
      this.#served.add(audience)
    }
    const { only } = audience.connections
    if (only !== undefined) return this.#deliver(only, turn)
    this.#connections = audience.connections.values()
    return this.#serveConnections(this.#connections, turn)
  }

  #serveConnections(connections: Iterable<StreamConnection>, turn: Turn): boolean {
    for (const connection of connections) if (!this.#deliver(connection, turn)) return false
    this.#connections = undefined
    return true
  }

  /** Delivers to one connection; returns false if the turn is over by it. */
  #deliver(connection: StreamConnection, turn: Turn): boolean {
    const { outputs, onBehind, onBroken } = this.#options
    const batch = this.#batch
    try {
      if (connection.deliver(batch)) onBehind(connection)
    } catch (error) {
      onBroken(connection, error)
    }
    turn.work += WRITE_WORK
    return turn.work + batch.work < YIELD_EVERY * WRITE_WORK && outputs.bytes <= turn.maxBytes
  }
}
