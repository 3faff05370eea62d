import { SserError } from '../errors.ts'

/** A stream name's limit, in bytes of UTF-8. */
export const MAX_STREAM_NAME_BYTES = 256
/** An event type's limit, in UTF-16 units. */
export const MAX_EVENT_TYPE_LENGTH = 256

/** A key's limit, in UTF-16 units. */
const MAX_KEY_LENGTH = 256
/** A tag's limit, in UTF-16 units. */
const MAX_TAG_LENGTH = 256

const encoder = new TextEncoder()
/** Up to this length it is faster to count bytes than to encode them. */
const COUNTED_LENGTH = 256
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: the three characters that could forge a frame
const FORGING = /[\r\n\u0000]/

/** Bytes of UTF-8; a lone surrogate counts as the U+FFFD that it becomes. */
export function byteLength(text: string): number {
  if (text.length > COUNTED_LENGTH) return encoder.encode(text).byteLength
  let bytes = text.length
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    // A pair is two units and four bytes.
    if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) i += 1
  }
  return bytes
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The same text in memory of its own: engines keep a long text alive for as long as any text that was cut out of it. */
export function ownCopy(text: string): string {
  return decoder.decode(encoder.encode(text))
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}

/** Whether `text` is over `limit` bytes of UTF-8, encoding it only where its length leaves that open. */
export function isLongerThan(text: string, limit: number): boolean {
  if (text.length > limit) return true
  return text.length * 3 > limit && byteLength(text) > limit
}

/** Bytes that a line break takes in a block: it ends a `data:` field and begins the next one. */
const BREAK_BYTES = '\ndata: '.length

/** Whether `msg` is over `limit` bytes as the lines of a block, where a line break takes more bytes than in the message. */
function isLongerInLines(msg: string, limit: number): boolean {
  if (msg.length * BREAK_BYTES <= limit || !/[\r\n]/.test(msg)) return false
  let bytes = byteLength(msg)
  for (const [lineBreak] of msg.matchAll(/\r\n|\r|\n/g)) bytes += BREAK_BYTES - lineBreak.length
  return bytes > limit
}

/** Why `msg` is no message of at most `maxBytes`; undefined when it is one. */
export function messageFault(msg: string, maxBytes: number): SserError | undefined {
  if (typeof msg !== 'string')
    return new SserError('invalid-message', 'A message is a string; try JSON.stringify()')
  if (msg === '')
    return new SserError('empty-message', 'you cannot send the empty string as a message over SSE')
  if (!isLongerThan(msg, maxBytes) && !isLongerInLines(msg, maxBytes)) return undefined
  return new SserError(
    'message-too-large',
    `A message has at most ${maxBytes} bytes of UTF-8, a line break counted as ${BREAK_BYTES}: see the option maxMessageBytes`,
  )
}

/** Why `name` is no stream name; undefined when it is one. */
export function streamNameFault(name: string): SserError | undefined {
  if (name === '') return new SserError('stream-name-required', 'A stream name must be supplied')
  if (isLongerThan(name, MAX_STREAM_NAME_BYTES)) {
    return new SserError('invalid-stream-name', `A stream name has at most ${MAX_STREAM_NAME_BYTES} bytes`)
  }
  if (CONTROL.test(name)) {
    return new SserError('invalid-stream-name', 'A stream name must not contain control characters')
  }
  if (!name.isWellFormed()) {
    return new SserError(
      'invalid-stream-name',
      'A stream name must be well-formed Unicode, because no URL can carry half of a surrogate pair: cut names between characters (Array.from(name)), or call name.toWellFormed()',
    )
  }
  return undefined
}

/** {@link streamNameFault} for names that peers send: earlier versions let lone surrogates pass. */
export function peerStreamNameFault(name: string): SserError | undefined {
  return streamNameFault(name.toWellFormed())
}

/** Why `type` is no event type; undefined when it is one. */
export function eventTypeFault(type: string): SserError | undefined {
  if (type === '') return new SserError('invalid-event-type', 'An event type must not be empty')
  if (type.length > MAX_EVENT_TYPE_LENGTH) {
    return new SserError(
      'invalid-event-type',
      `An event type has at most ${MAX_EVENT_TYPE_LENGTH} characters`,
    )
  }
  if (FORGING.test(type)) {
    return new SserError('invalid-event-type', 'An event type must not contain CR, LF or NUL')
  }
  if (type.startsWith('sser-')) {
    return new SserError('invalid-event-type', 'Event types that begin with "sser-" are reserved')
  }
  return undefined
}

/** Why `key` cannot name a send; undefined when it can. */
export function keyFault(key: string): SserError | undefined {
  if (key !== '' && key.length <= MAX_KEY_LENGTH && !FORGING.test(key)) return undefined
  return new SserError(
    'invalid-idempotency-key',
    `An idempotencyKey has 1 to ${MAX_KEY_LENGTH} characters, none of them CR, LF or NUL`,
  )
}

/** Why `tag` cannot mark a connection; undefined when it can. */
export function tagFault(tag: string): SserError | undefined {
  if (typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG_LENGTH) return undefined
  return new SserError('invalid-tag', `A tag is a string of 1 to ${MAX_TAG_LENGTH} characters`)
}
