import type { Chunk } from './chunk.ts'
import type { Connection } from './connection.ts'

/** A chunk up to this length, in UTF-16 units, is written however much is buffered already. */
const SMALL_LENGTH = 32_768

/**
 * Counts the bytes that were written to clients and not taken yet. A connection has at most one such chunk, because its
 * sink asks for the next one when it was taken. A chunk that several sockets share counts once.
 */
export class OutputBuffers {
  readonly maxBytes: number
  #bytes = 0
  readonly #onFull: () => void
  #isFull = false

  /** Calls `onFull` when more than `maxBytes` are buffered, once until {@link heaviest} is read. */
  constructor(maxBytes: number, onFull: () => void) {
    this.maxBytes = maxBytes
    this.#onFull = onFull
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Returns whether a live chunk may be written. Above half of `maxBytes`, connections read long chunks from the log in
   * slices.
   */
  hasRoomFor(chunk: Chunk, isShared: boolean): boolean {
    return (
      chunk.length <= SMALL_LENGTH ||
      (isShared && chunk.holders > 0) ||
      this.#bytes + chunk.byteLength <= this.maxBytes / 2
    )
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes <= this.maxBytes || this.#isFull) return
    this.#isFull = true
    this.#onFull()
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
  }

  /** Counts a connection that holds a shared chunk. */
  retain(chunk: Chunk): void {
    chunk.holders += 1
    if (chunk.holders === 1) this.add(chunk.byteLength)
  }

  /** Counts a connection that no longer holds a shared chunk. */
  release(chunk: Chunk): void {
    chunk.holders -= 1
    if (chunk.holders === 0) this.remove(chunk.byteLength)
  }

  /** Connections to abort, the largest holder first, until at most three quarters of `maxBytes` are buffered. */
  *heaviest(connections: readonly Connection[]): Generator<Connection> {
    this.#isFull = false
    if (this.#bytes <= this.maxBytes) return
    const holders = connections.filter(({ heldBytes }) => heldBytes > 0)
    holders.sort((one, other) => other.heldBytes - one.heldBytes)
    for (const connection of holders) {
      if (this.#bytes <= this.maxBytes * 0.75) return
      yield connection
    }
  }
}
