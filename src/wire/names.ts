import { describeValue, SserError } from '../errors.ts'

/** Maximum length of a stream name, in bytes of UTF-8. */
export const MAX_STREAM_NAME_BYTES = 256
/** Maximum length of an event type, in UTF-16 units. */
export const MAX_EVENT_TYPE_LENGTH = 256

/** Maximum length of an idempotency key, in UTF-16 units. */
const MAX_KEY_LENGTH = 256
/** Maximum length of a tag, in UTF-16 units. */
const MAX_TAG_LENGTH = 256

const encoder = new TextEncoder()
/** Up to this length, counting bytes is faster than encoding them. */
const COUNTED_LENGTH = 256
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters on purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: the three characters that could forge a frame
const FORGING = /[\r\n\u0000]/

/** Length in bytes of UTF-8; a lone surrogate counts as U+FFFD, because the encoder replaces it by that. */
export function byteLength(text: string): number {
  if (text.length > COUNTED_LENGTH) return encoder.encode(text).byteLength
  let bytes = text.length
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    // A surrogate pair is two units and four bytes.
    if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) i += 1
  }
  return bytes
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Copies a text to memory of its own, because engines keep a long text alive as long as any substring of it. */
export function ownCopy(text: string): string {
  return decoder.decode(encoder.encode(text))
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}

/** Returns whether `text` exceeds `limit` bytes of UTF-8; encodes it only where the length does not decide. */
export function isLongerThan(text: string, limit: number): boolean {
  if (text.length > limit) return true
  return text.length * 3 > limit && byteLength(text) > limit
}

/** Bytes of a line break in a block, where it ends a `data:` field and begins the next one. */
const BREAK_BYTES = '\ndata: '.length

/**
 * Returns whether `msg` exceeds `limit` bytes as `data:` lines, where a line break takes more bytes than in the
 * message.
 */
function isLongerInLines(msg: string, limit: number): boolean {
  if (msg.length * BREAK_BYTES <= limit || !/[\r\n]/.test(msg)) return false
  let bytes = byteLength(msg)
  for (const [lineBreak] of msg.matchAll(/\r\n|\r|\n/g)) bytes += BREAK_BYTES - lineBreak.length
  return bytes > limit
}

/** Returns the error where `msg`, an argument of `call`, is not a message of at most `maxBytes`. */
export function validateMessage(msg: string, maxBytes: number, call = 'send()'): SserError | undefined {
  if (typeof msg !== 'string')
    return new SserError(
      'invalid-message',
      `${call}: expected the message as a string, got ${describeValue(msg)}; for ${
        ArrayBuffer.isView(msg)
          ? 'bytes, decode them by a TextDecoder'
          : 'other values, call JSON.stringify()'
      }`,
    )
  if (msg === '')
    return new SserError('empty-message', 'you cannot send the empty string as a message over SSE')
  if (!isLongerThan(msg, maxBytes) && !isLongerInLines(msg, maxBytes)) return undefined
  return messageTooLarge(maxBytes)
}

export function messageTooLarge(maxBytes: number): SserError {
  return new SserError(
    'message-too-large',
    `A message has at most ${maxBytes} bytes of UTF-8, a line break counted as ${BREAK_BYTES}: see the option maxMessageBytes`,
  )
}

/** Returns the error where `name` is not a valid stream name. */
export function validateStreamName(name: string): SserError | undefined {
  if (typeof name !== 'string')
    return new SserError('invalid-stream-name', `Stream name: expected a string, got ${describeValue(name)}`)
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

/** {@link validateStreamName} for names from peers, because earlier versions accepted lone surrogates. */
export function validatePeerStreamName(name: string): SserError | undefined {
  return validateStreamName(name.toWellFormed())
}

/** Returns the error where `type` is not a valid event type. */
export function validateEventType(type: string): SserError | undefined {
  if (typeof type !== 'string')
    return new SserError(
      'invalid-event-type',
      `Option "event": expected a string, got ${describeValue(type)}`,
    )
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

/** Returns the error where `key` is not a valid idempotency key. */
export function validateIdempotencyKey(key: string): SserError | undefined {
  if (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH && !FORGING.test(key))
    return undefined
  return new SserError(
    'invalid-idempotency-key',
    `An idempotencyKey has 1 to ${MAX_KEY_LENGTH} characters, none of them CR, LF or NUL`,
  )
}

const MAX_TAGS = 16

/** The expected value of {@link isTags}. */
export const TAGS: string = `at most ${MAX_TAGS} strings of 1 to 256 characters`

/** Returns whether the value is a list of tags for one connection. */
export function isTags(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.length <= MAX_TAGS && value.every((tag) => validateTag(tag) === undefined)
  )
}

/** Returns the error where `tag` is not a valid connection tag. */
export function validateTag(tag: string): SserError | undefined {
  if (typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG_LENGTH) return undefined
  return new SserError('invalid-tag', `A tag is a string of 1 to ${MAX_TAG_LENGTH} characters`)
}
