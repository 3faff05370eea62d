import { SserError } from '../errors.ts'

/** A head, or a line between chunks, that is longer than this is not read. */
const MAX_HEAD_BYTES = 16_384
const NOTHING = Buffer.alloc(0)

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'close' | 'done'

/**
 * Reads one HTTP/1.1 answer as it comes, and no more than a peer's answer needs. What is ambiguous is refused.
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length
 */
export class AnswerParser {
  status = 0
  /** Whether the connection can be used again. */
  isReusable = true
  readonly #maxBytes: number
  readonly #parts: Buffer[] = []
  #state: State = 'head'
  #size = 0
  /** Bytes to come, of the body or of its present chunk. */
  #left = 0
  /** What came of a line, or of the head, that is not yet complete. */
  #rest: Buffer = NOTHING

  /** Without `maxBytes`, and where the status is not 200, no body is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get body(): string {
    const [first = NOTHING] = this.#parts
    return (this.#parts.length < 2 ? first : Buffer.concat(this.#parts)).toString()
  }

  /** Takes what came; true when the answer is complete. Throws `peer-failed` and `body-too-large`. */
  feed(chunk: Buffer): boolean {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = NOTHING
    while (data.length > 0 && this.#state !== 'done') {
      const taken = this.#take(data)
      if (taken === 0) {
        if (data.length > MAX_HEAD_BYTES) throw garbled()
        this.#rest = data
        break
      }
      data = data.subarray(taken)
    }
    if (this.#state === 'done') this.isReusable &&= data.length === 0
    // Nobody waits for a body that nobody reads; the connection goes with it.
    else if (!this.#isWanted && this.#state !== 'head') this.isReusable = false
    return this.#state === 'done' || (!this.#isWanted && this.#state !== 'head')
  }

  /** The connection has ended; true when that completes the answer. */
  end(): boolean {
    this.isReusable = false
    return this.#state === 'close'
  }

  get #isWanted(): boolean {
    return this.#maxBytes > 0 && this.status === 200
  }

  /** Takes one step; returns how many bytes it took, 0 where it needs more. */
  #take(data: Buffer): number {
    if (this.#state === 'head') return this.#takeHead(data)
    if (this.#state === 'length' || this.#state === 'chunk') return this.#takeBody(data)
    if (this.#state === 'close') {
      this.#keep(data)
      return data.length
    }
    const end = data.indexOf('\r\n')
    if (end < 0) return 0
    this.#takeLine(data.toString('latin1', 0, end))
    return end + 2
  }

  #takeHead(data: Buffer): number {
    const end = data.indexOf('\r\n\r\n')
    if (end < 0) return 0
    const [first = '', ...lines] = data.toString('latin1', 0, end).split('\r\n')
    const [, minor, status] = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first) ?? []
    if (status === undefined || status === '101') throw garbled()
    // Whatever a 1xx says, the answer is still to come.
    if (status.startsWith('1')) return end + 4
    this.status = Number(status)
    const headers = readHeaders(lines)
    const length = headers.get('content-length')
    const encoding = headers.get('transfer-encoding')
    const isLast = headers.get('connection')?.toLowerCase().includes('close') === true
    this.isReusable = minor === '1' && !isLast
    if (encoding !== undefined && (encoding.toLowerCase() !== 'chunked' || length !== undefined))
      throw garbled()
    if (length !== undefined && !/^\d{1,15}$/.test(length)) throw garbled()
    if (status === '204' || status === '304' || length === '0') this.#state = 'done'
    else if (encoding !== undefined) this.#state = 'size'
    else if (length === undefined) this.#state = 'close'
    else {
      this.#state = 'length'
      this.#left = Number(length)
      if (this.#isWanted && this.#left > this.#maxBytes) throw tooLarge(this.#maxBytes)
    }
    return end + 4
  }

  #takeBody(data: Buffer): number {
    const taken = Math.min(this.#left, data.length)
    this.#keep(data.subarray(0, taken))
    this.#left -= taken
    if (this.#left === 0) this.#state = this.#state === 'length' ? 'done' : 'chunk-end'
    return taken
  }

  #takeLine(line: string): void {
    if (this.#state === 'chunk-end') {
      if (line !== '') throw garbled()
      this.#state = 'size'
    } else if (this.#state === 'trailer') {
      if (line === '') this.#state = 'done'
    } else {
      const [, size] = /^([0-9A-Fa-f]{1,8})[\t ]*(?:;.*)?$/.exec(line) ?? []
      if (size === undefined) throw garbled()
      this.#left = Number.parseInt(size, 16)
      this.#state = this.#left === 0 ? 'trailer' : 'chunk'
    }
  }

  #keep(data: Buffer): void {
    if (!this.#isWanted) return
    this.#size += data.length
    if (this.#size > this.#maxBytes) throw tooLarge(this.#maxBytes)
    this.#parts.push(data)
  }
}

/** By name in lower case; a name that comes twice is joined, and then is no number. */
function readHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 1) throw garbled()
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headers
}

function garbled(): SserError {
  return new SserError('peer-failed', 'answers what is no HTTP/1.1')
}

function tooLarge(maxBytes: number): SserError {
  return new SserError('body-too-large', `A body has at most ${maxBytes} bytes`)
}
