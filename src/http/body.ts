import { SserError } from '../errors.ts'

/** A longer declared body is read piece by piece, so that received bytes count. */
const WHOLE_BYTES = 65_536

/** The Content-Type of JSON. */
export const JSON_TYPE: RegExp = /^application\/json *(?:;|$)/i

/** The declared length of a body; undefined where the headers declare none, or chunks. */
export function declaredLength(headers: Headers): number | undefined {
  if (headers.has('transfer-encoding')) return undefined
  const length = headers.get('content-length') ?? ''
  // Bun passes on a length that was sent twice as `5, 5`.
  return /^\d+$/.test(length) ? Number(length) : undefined
}

/** Keeps a byte-order mark, because JSON must not have one. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Decodes a body, with its byte-order mark where it has one. */
export function decodeBody(bytes: Uint8Array | ArrayBuffer): string {
  return decoder.decode(bytes)
}

/**
 * Reads a body as text, up to `maxBytes`. Rejects a larger one, and one of too many small pieces, with `body-too-large` and
 * cancels the rest. Calls `onCost` with the cost of each piece, in bytes; an error of it also cancels the rest.
 */
export async function readBody(
  message: Request | Response,
  maxBytes: number,
  onCost: (bytes: number) => void = () => {},
): Promise<string> {
  if (Number(message.headers.get('content-length')) > maxBytes) {
    await message.body?.cancel().catch(() => {})
    throw tooLarge(maxBytes)
  }
  // HTTP ends a request's body at its declared length, so it can be read whole, which costs a fraction of streaming it. A
  // response may be compressed.
  const length = message instanceof Request ? declaredLength(message.headers) : undefined
  if (length !== undefined && length <= WHOLE_BYTES) {
    onCost(length)
    const bytes = await message.arrayBuffer()
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes)
    return decodeBody(bytes)
  }
  if (message.body === null) return ''
  const buffer = new BodyBuffer(maxBytes, length)
  // Not `for await`, because every runtime can cancel a locked reader.
  const reader: ReadableStreamDefaultReader<Uint8Array> = message.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return decodeBody(buffer.take())
    try {
      onCost(buffer.add(value))
    } catch (error) {
      reader.cancel().catch(() => {})
      throw error
    }
  }
}

/** Bytes that are read only to be dropped. */
const DISCARD_BYTES = 4_096

/** Discards a body. Reads a short one to its end, because cancelling it would close the connection; cancels a longer one. */
export async function discardBody(message: Response): Promise<void> {
  await readBody(message, DISCARD_BYTES).catch(() => {})
}

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
