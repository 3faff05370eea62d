import { SserError } from '../errors.ts'
import { BodyBuffer, decodeBody, tooLarge } from '../http/body.ts'

const LF = 10
/** Bytes below which a piece counts as small: a message has more. */
const SMALL_PIECE_BYTES = 16
/** Small pieces beyond the number of others, after which the sender is cut off. */
const MAX_SMALL_PIECES = 4_096

/**
 * Splits a body into lines. It holds no more than one incomplete line, and takes no endless number of small pieces, because
 * to take one costs the same for any size.
 */
export class LineReader {
  readonly #maxBytes: number
  /** The incomplete line; undefined between lines, because there may be a thousand readers. */
  #rest: BodyBuffer | undefined
  #smallPieces = 0
  #isFirst = true

  /** `maxBytes`: the limit of one line. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of the incomplete line. */
  get bufferedBytes(): number {
    return this.#rest?.byteLength ?? 0
  }

  /**
   * Calls `onLine` with each line that `bytes` completes, until it returns false.
   * @throws SserError `body-too-large` where a line is too long, or comes in too many small pieces; `invalid-peer-message`
   * where one is empty, except for the first.
   */
  push(bytes: Uint8Array, onLine: (line: string) => boolean): void {
    this.#count(bytes.byteLength)
    let start = 0
    const rest = this.#rest
    if (rest !== undefined) {
      const end = bytes.indexOf(LF)
      rest.add(end === -1 ? bytes : bytes.subarray(0, end))
      if (end === -1) return
      start = end + 1
      this.#rest = undefined
      this.#isFirst = false
      if (!onLine(decodeBody(rest.take()))) return
    }
    const end = bytes.lastIndexOf(LF)
    if (end >= start && !this.#split(decodeBody(bytes.subarray(start, end)), onLine)) return
    const from = Math.max(start, end + 1)
    if (from === bytes.byteLength) return
    this.#rest = new BodyBuffer(this.#maxBytes)
    this.#rest.add(bytes.subarray(from))
  }

  /** Splits a text of whole lines, without the line feed at its end. */
  #split(text: string, onLine: (line: string) => boolean): boolean {
    for (let from = 0; ; ) {
      const to = text.indexOf('\n', from)
      const line = to === -1 ? (from === 0 ? text : text.slice(from)) : text.slice(from, to)
      if (line === '') {
        if (!this.#isFirst) throw new SserError('invalid-peer-message', 'An exchange has an empty line')
      } else {
        if (line.length > this.#maxBytes) throw tooLarge(this.#maxBytes)
        if (!onLine(line)) return false
      }
      this.#isFirst = false
      if (to === -1) return true
      from = to + 1
    }
  }

  #count(bytes: number): void {
    if (bytes >= SMALL_PIECE_BYTES) this.#smallPieces = Math.max(0, this.#smallPieces - 1)
    else if (++this.#smallPieces > MAX_SMALL_PIECES)
      throw new SserError('body-too-large', 'An exchange comes in too many small pieces; send larger chunks')
  }
}
