import type { Chunk } from './batch.ts'
import type { Connection } from './connection.ts'

/** Below this a chunk is written whatever is buffered already. */
const SMALL_BYTES = 65_536

/**
 * Bytes that were written to clients which have not taken them yet. A connection has one such chunk at most, because it
 * asks for the next when it was taken. A chunk whose bytes several sockets share counts once.
 */
export class OutputBuffers {
  readonly maxBytes: number
  #bytes = 0
  readonly #onFull: () => void
  #isFull = false

  /** Calls `onFull` when more than `maxBytes` are buffered, and then not again before {@link excess}. */
  constructor(maxBytes: number, onFull: () => void) {
    this.maxBytes = maxBytes
    this.#onFull = onFull
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether a live chunk may be written. Where half of the room is taken, long chunks are read from the log in slices. */
  hasRoomFor(chunk: Chunk, isShared: boolean): boolean {
    const { byteLength } = chunk.bytes
    return (
      byteLength <= SMALL_BYTES ||
      (isShared && chunk.holders > 0) ||
      this.#bytes + byteLength <= this.maxBytes / 2
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

  /** One more connection holds a shared chunk. */
  share(chunk: Chunk): void {
    chunk.holders += 1
    if (chunk.holders === 1) this.add(chunk.bytes.byteLength)
  }

  /** A connection holds a shared chunk no longer. */
  unshare(chunk: Chunk): void {
    chunk.holders -= 1
    if (chunk.holders === 0) this.remove(chunk.bytes.byteLength)
  }

  /** The connections to cut, those that hold most first, until three quarters of the room are left in use. */
  *excess(connections: readonly Connection[]): Generator<Connection> {
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
