// Checks the messages of one connection on arrival, with as little work per chunk as possible, because the load shares
// the machine with the measured server.
import { MARK, message } from './message.ts'

const LF = 10
const MARK_BYTE = MARK.charCodeAt(0)

/** Position of the bytes in the response. */
type Place = 'head' | 'size' | 'chunk' | 'chunk end' | 'plain'

/** Throws, naming the error, unless messages 1, 2, 3 and so on arrive once, in order and unchanged. */
export class Verifier {
  /** Number of received messages. */
  received = 0
  #bytes: number
  #place: Place = 'head'
  #head = ''
  /** Missing bytes of the chunk. */
  #left = 0
  /** Received bytes of the next message. */
  #matched = 0

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** True once the head of the response has arrived. */
  get isOpen(): boolean {
    return this.#place !== 'head'
  }

  /** Checks the received bytes of `buffer` from 0 to `end`. */
  take(buffer: Buffer, end: number): void {
    let at = 0
    while (at < end) {
      if (this.#place === 'head') at = this.#readHead(buffer, end)
      else if (this.#place === 'plain') at = this.#readEvents(buffer, at, end)
      else at = this.#readChunk(buffer, at, end)
    }
  }

  #readHead(buffer: Buffer, end: number): number {
    const before = this.#head.length
    this.#head += buffer.toString('latin1', 0, end)
    const length = this.#head.indexOf('\r\n\r\n')
    if (length === -1) return end
    const head = this.#head.slice(0, length)
    if (!/^HTTP\/1\.1 200 .*text\/event-stream/is.test(head)) throw new Error(`was answered: ${head}`)
    this.#place = /transfer-encoding: *chunked/i.test(head) ? 'size' : 'plain'
    this.#head = ''
    return length + 4 - before
  }

  #readChunk(buffer: Buffer, from: number, end: number): number {
    let at = from
    if (this.#place === 'chunk') {
      const stop = Math.min(end, at + this.#left)
      this.#left -= stop - at
      if (this.#left === 0) this.#place = 'chunk end'
      return this.#readEvents(buffer, at, stop)
    }
    if (this.#place === 'chunk end') {
      while (at < end && buffer[at] !== LF) at += 1
      if (at === end) return end
      this.#place = 'size'
      return at + 1
    }
    for (; at < end; at += 1) {
      const byte = buffer[at] as number
      if (byte === LF) {
        if (this.#left === 0) throw new Error(`was ended after event ${this.received}`)
        this.#place = 'chunk'
        return at + 1
      }
      const digit = hex(byte)
      if (digit >= 0) this.#left = this.#left * 16 + digit
    }
    return end
  }

  #readEvents(buffer: Buffer, from: number, end: number): number {
    let at = from
    while (at < end) {
      if (this.#matched === 0) {
        at = buffer.indexOf(MARK_BYTE, at)
        if (at === -1 || at >= end) return end
      }
      const expected = message(this.received + 1, this.#bytes)
      const length = Math.min(expected.length - this.#matched, end - at)
      if (buffer.compare(expected, this.#matched, this.#matched + length, at, at + length) !== 0) {
        throw new Error(
          this.#fault(expected.toString('latin1', 0, this.#matched) + buffer.toString('latin1', at, end)),
        )
      }
      at += length
      this.#matched += length
      if (this.#matched === expected.length) {
        this.#matched = 0
        this.received += 1
      }
    }
    return end
  }

  #fault(text: string): string {
    const due = this.received + 1
    const k = Number(/^<(\d+)\|/.exec(text)?.[1])
    if (Number.isNaN(k) || k === due) return `got event ${due} damaged: ${text.slice(0, 60)}`
    if (k < due) return `got event ${k} again where event ${due} was due`
    return `got event ${k} where event ${due} was due: it is lost, or out of order`
  }
}

function hex(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
