import { lowerBound } from '../log/deque.ts'

/** A page is full at this number of chunks, or of UTF-16 units. */
const PAGE_CHUNKS = 256
const PAGE_UNITS = 16_384
/** Largest digit of a length in {@link Page.lengths}: a character code of one byte. */
const MAX_DIGIT = 255
/** Approximate memory of a page without its texts, and of a chunk in the open page without its text. */
const PAGE_BYTES = 112
const CHUNK_BYTES = 28

/** A character that makes an engine store a text with two bytes for each. */
const WIDE = /[\u0100-\uffff]/

/** Consecutive chunks as one text. */
interface Page {
  /** Index of its first chunk. */
  readonly from: number
  readonly text: string
  /** The length of each chunk, as the sum of character codes up to the first one below {@link MAX_DIGIT}. */
  readonly lengths: string
  readonly bytes: number
}

/**
 * The chunks of a run. Full pages are one text each, because a string for each chunk takes several times the memory of a
 * short chunk; the chunks of the open page, which live readers read, are strings of their own.
 */
export class RunText {
  readonly #pages: Page[] = []
  #open: string[] = []
  #openFrom = 0
  #openUnits = 0
  #bytes = 0

  /** Index of the first chunk that it holds. */
  get first(): number {
    return this.#pages[0]?.from ?? this.#openFrom
  }

  /** Index of the next chunk. */
  get next(): number {
    return this.#openFrom + this.#open.length
  }

  /** Approximate memory. */
  get bytes(): number {
    return this.#bytes
  }

  push(chunk: string): void {
    this.#open.push(chunk)
    this.#openUnits += chunk.length
    this.#bytes += CHUNK_BYTES + 2 * chunk.length
    if (this.#open.length >= PAGE_CHUNKS || this.#openUnits >= PAGE_UNITS) this.seal()
  }

  /** Joins the chunks of the open page, because no more of them come soon. */
  seal(): void {
    if (this.#open.length === 0) return
    const text = this.#open.join('')
    const lengths = formatLengths(this.#open)
    const bytes = PAGE_BYTES + (WIDE.test(text) ? 2 : 1) * text.length + lengths.length
    this.#pages.push({ from: this.#openFrom, text, lengths, bytes })
    this.#bytes += bytes - this.#open.length * CHUNK_BYTES - 2 * this.#openUnits
    this.#openFrom += this.#open.length
    this.#open = []
    this.#openUnits = 0
  }

  /** Chunks from `index` on, at least one where it is held; up to the end of its page, or `maxUnits` UTF-16 units. */
  read(index: number, maxUnits: number): readonly string[] {
    if (index >= this.#openFrom) return limited(this.#open, index - this.#openFrom, maxUnits)
    const page = this.#pages[this.#pageOf(index)]
    return page === undefined || index < page.from ? [] : readPage(page, index - page.from, maxUnits)
  }

  /** Drops the oldest page. */
  dropPage(): void {
    const page = this.#pages.shift()
    if (page === undefined) this.restart(this.next)
    else this.#bytes -= page.bytes
  }

  /** Drops all chunks; the next one has the index `next`. */
  restart(next: number): void {
    this.#pages.length = 0
    this.#open = []
    this.#openFrom = next
    this.#openUnits = 0
    this.#bytes = 0
  }

  /** Place of the last page that begins at or before the chunk `index`. */
  #pageOf(index: number): number {
    const pages = this.#pages
    return lowerBound(pages.length, (place) => (pages[place] as Page).from > index) - 1
  }
}

function limited(chunks: readonly string[], from: number, maxUnits: number): readonly string[] {
  let end = from
  for (let units = 0; end < chunks.length && (end === from || units < maxUnits); end += 1)
    units += (chunks[end] as string).length
  return chunks.slice(from, end)
}

function readPage({ text, lengths }: Page, skip: number, maxUnits: number): readonly string[] {
  const chunks: string[] = []
  let at = 0
  let length = 0
  let seen = 0
  let units = 0
  for (let i = 0; i < lengths.length && (chunks.length === 0 || units < maxUnits); i += 1) {
    const digit = lengths.charCodeAt(i)
    length += digit
    if (digit === MAX_DIGIT) continue
    if (seen >= skip) {
      chunks.push(text.slice(at, at + length))
      units += length
    }
    seen += 1
    at += length
    length = 0
  }
  return chunks
}

function formatLengths(chunks: readonly string[]): string {
  const digits: number[] = []
  for (const { length } of chunks) {
    for (let rest = length; ; rest -= MAX_DIGIT) {
      digits.push(Math.min(rest, MAX_DIGIT))
      if (rest < MAX_DIGIT) break
    }
  }
  // A call has at most some 65,000 arguments.
  let text = ''
  for (let i = 0; i < digits.length; i += 4_096) text += String.fromCharCode(...digits.slice(i, i + 4_096))
  return text
}
