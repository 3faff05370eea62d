import { ClientError } from './error.ts'

/** Maximum length of one block of the server, in UTF-16 units. */
const MAX_BLOCK_LENGTH = 4_194_304

const LINE_BREAK = /\r\n?|\n/
const DIGITS = /^\d+$/

/** One block of the server. */
export interface Block {
  readonly event: string | undefined
  /** Undefined: the block has an id alone, and is no event. */
  readonly data: string | undefined
  /** The id in this block; '' clears the position. */
  readonly id: string | undefined
  /** The field `stream:`, which `label=field` asks for. */
  readonly stream: string | undefined
}

/**
 * Parses the bytes of one response. The package `eventsource-parser` is larger, and drops the first part of a field that it
 * does not know, such as `stream:`, where a chunk ends inside of it.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class BlockParser {
  // It removes a BOM at the start, as the standard asks.
  readonly #decoder = new TextDecoder()
  readonly #onBlock: (block: Block) => void
  readonly #onRetry: (ms: number) => void
  /** Parts of the line that is not complete, which are joined once. */
  #parts: string[] = []
  #partsLength = 0
  #dataLength = 0
  /** The last chunk ended with CR, and LF at the start of the next one belongs to it. */
  #skipsLineFeed = false
  #fields: Partial<Record<string, string>> = {}

  constructor(onBlock: (block: Block) => void, onRetry: (ms: number) => void) {
    this.#onBlock = onBlock
    this.#onRetry = onRetry
  }

  /** @throws ClientError `block-too-large` */
  feed(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true })
    if (text === '') return
    if (this.#skipsLineFeed && text.startsWith('\n')) text = text.slice(1)
    this.#skipsLineFeed = text.endsWith('\r')
    const lines = text.split(LINE_BREAK)
    const rest = lines.pop() as string
    for (const line of lines) {
      if (this.#parts.length === 0) this.#line(line)
      else {
        const start = this.#parts.join('')
        this.#parts = []
        this.#partsLength = 0
        this.#line(start + line)
      }
    }
    if (rest !== '') this.#parts.push(rest)
    this.#partsLength += rest.length
    if (this.#partsLength + this.#dataLength > MAX_BLOCK_LENGTH)
      throw new ClientError({
        code: 'block-too-large',
        message: `expected a block of at most ${MAX_BLOCK_LENGTH} characters`,
      })
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
    const fields = this.#fields
    if (name === 'data') {
      this.#dataLength += value.length
      fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`
    } else if (name === 'event' || name === 'stream' || (name === 'id' && !value.includes('\0')))
      fields[name] = value
    else if (name === 'retry' && DIGITS.test(value)) this.#onRetry(Number(value))
  }

  #dispatch(): void {
    const { data, id, event, stream } = this.#fields
    this.#fields = {}
    this.#dataLength = 0
    if (data !== undefined || id !== undefined) this.#onBlock({ data, id, event: event || undefined, stream })
  }
}

/** The fields of one of the server's own blocks, none where its data is no JSON; undefined for an event of the app. */
export function ownFields(event = '', data = ''): Readonly<Record<string, unknown>> | undefined {
  if (!event.startsWith('sser-')) return undefined
  try {
    return JSON.parse(data) ?? {}
  } catch {
    return {}
  }
}
