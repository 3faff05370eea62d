import { createParser } from 'eventsource-parser'

/** Maximum length of one block of the server, in UTF-16 units. */
const MAX_BLOCK_LENGTH = 4_194_304

/** One block of the server. */
export interface Block {
  readonly event: string | undefined
  readonly data: string
  /** The id in this block; '' clears the position. */
  readonly id: string | undefined
  /** The field `stream:`, which `label=field` asks for. */
  readonly stream: string | undefined
}

/** Thrown by {@link BlockParser.feed} where a block exceeds {@link MAX_BLOCK_LENGTH}. */
export class BlockTooLargeError extends Error {}

/** Parses the bytes of one response. */
export class BlockParser {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  readonly #parser
  /** Parts of a line that is not complete. The parser is given whole lines, because it drops the first part of an unknown field. */
  #parts: string[] = []
  #length = 0
  #stream: string | undefined
  #isTooLarge = false

  constructor(onBlock: (block: Block) => void, onRetry: (ms: number) => void) {
    this.#parser = createParser({
      maxBufferSize: MAX_BLOCK_LENGTH,
      onRetry,
      onError: ({ type, field, value }) => {
        if (type === 'max-buffer-size-exceeded') this.#isTooLarge = true
        else if (field === 'stream') this.#stream = value
      },
      onEvent: ({ event, data, id }) => {
        onBlock({ event, data, id, stream: this.#stream })
        this.#stream = undefined
      },
    })
  }

  /** @throws BlockTooLargeError */
  feed(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true })
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1
    if (end > 0) {
      this.#parts.push(text.slice(0, end))
      const lines = this.#parts.join('')
      this.#parts = []
      this.#length = 0
      this.#parser.feed(lines)
      text = text.slice(end)
    }
    if (text !== '') this.#parts.push(text)
    this.#length += text.length
    if (this.#isTooLarge || this.#length > MAX_BLOCK_LENGTH)
      throw new BlockTooLargeError(`expected a block of at most ${MAX_BLOCK_LENGTH} characters`)
  }
}
