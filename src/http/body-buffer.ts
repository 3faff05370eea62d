import { SserError } from '../errors.ts'

/** Minimum cost of a piece, in bytes, because even a short piece costs memory and time. */
const MIN_PIECE_COST = 1_024
/** Cost allowed beyond the byte limit, in bytes: a short body may come byte by byte, a long one has some short pieces. */
const EXTRA_COST = 4_194_304
/** Initial capacity, in bytes. */
const FIRST_CAPACITY = 1_024
/** Largest capacity that is kept for the next body, in bytes. */
const KEPT_CAPACITY = 65_536

/**
 * Collects the pieces of a body in one buffer. A list of pieces would take some 400 bytes for each, and a body of one-byte
 * chunks has one piece for each byte.
 */
export class BodyBuffer {
  readonly #maxBytes: number
  readonly #expectedBytes: number
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #size = 0
  #cost = 0

  /** `expectedBytes`: the declared length, which is not allocated before the bytes arrive. */
  constructor(maxBytes: number, expectedBytes: number = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes
    this.#expectedBytes = expectedBytes
  }

  /**
   * Copies a piece and returns its cost, in bytes.
   * @throws SserError `body-too-large` beyond `maxBytes`, or beyond the cost of too many small pieces.
   */
  add(piece: Uint8Array): number {
    const cost = Math.max(piece.byteLength, MIN_PIECE_COST)
    const size = this.#size + piece.byteLength
    this.#cost += cost
    if (size > this.#maxBytes) throw tooLarge(this.#maxBytes)
    if (this.#cost > this.#maxBytes + EXTRA_COST)
      throw new SserError('body-too-large', 'The body comes in too many small pieces; send larger chunks')
    if (size > this.#bytes.byteLength) this.#grow(size)
    this.#bytes.set(piece, this.#size)
    this.#size = size
    return cost
  }

  get byteLength(): number {
    return this.#size
  }

  /** Returns the collected bytes, which are valid until the next `add()`, and empties the buffer. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.subarray(0, this.#size)
    this.#size = 0
    this.#cost = 0
    // One long line of a watch must not hold its memory until the watch ends.
    if (this.#bytes.byteLength > KEPT_CAPACITY) this.#bytes = new Uint8Array(0)
    return bytes
  }

  #grow(size: number): void {
    const doubled = Math.max(2 * this.#bytes.byteLength, FIRST_CAPACITY)
    const capacity = Math.max(size, Math.min(doubled, this.#maxBytes, this.#expectedBytes))
    const bytes = new Uint8Array(capacity)
    bytes.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = bytes
  }
}

export function tooLarge(maxBytes: number): SserError {
  return new SserError('body-too-large', `A body has at most ${maxBytes} bytes`)
}
