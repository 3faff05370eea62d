/** What a block of an event stream is to the doctor. */
export interface Block {
  kind: 'retry' | 'position' | 'gap' | 'comment' | 'event'
}

/** A longer block is none of sser's: a message has at most 1 MiB, and this is text. */
const MAX_BLOCK_LENGTH = 2_097_152

/** Reads blocks out of bytes. It keeps no more than the block that is under way. */
export class BlockReader {
  /** What comes is no event stream: a block without an end. */
  isEndless = false
  #rest = ''
  readonly #decoder = new TextDecoder()

  /** The blocks that `bytes` end. */
  read(bytes: Uint8Array): Block[] {
    if (this.isEndless) return []
    // A CR at the end may be half of a line break.
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true })
    const held = text.endsWith('\r') ? '\r' : ''
    const parts = text
      .slice(0, text.length - held.length)
      .replaceAll(/\r\n?/g, '\n')
      .split('\n\n')
    this.#rest = parts.pop() + held
    if (this.#rest.length > MAX_BLOCK_LENGTH) {
      this.isEndless = true
      this.#rest = ''
    }
    return parts.filter((part) => part.trim() !== '').map((part) => ({ kind: kindOf(part) }))
  }

  /** The beginning of what is under way: of a page, the page. */
  get rest(): string {
    return this.#rest.slice(0, 500)
  }
}

function kindOf(block: string): Block['kind'] {
  const lines = block.split('\n').filter((line) => line !== '')
  if (lines.some((line) => /^event: ?sser-position$/.test(line))) return 'position'
  if (lines.some((line) => /^event: ?sser-gap$/.test(line))) return 'gap'
  if (lines.some((line) => /^event: ?sser-retry$/.test(line))) return 'retry'
  if (lines.every((line) => line.startsWith(':'))) return 'comment'
  // Earlier versions sent `retry:` as a block of its own.
  if (lines.every((line) => /^retry: ?\d+$/.test(line))) return 'retry'
  return 'event'
}
