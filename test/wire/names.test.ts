import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/options.ts'
import {
  byteLength,
  isLongerThan,
  MAX_EVENT_TYPE_LENGTH,
  MAX_STREAM_NAME_BYTES,
  validateEventType,
  validateIdempotencyKey,
  validateMessage,
  validatePeerStreamName,
  validateStreamName,
} from '../../src/wire/names.ts'
import { eventFrame } from '../../src/wire/sse-frame.ts'
import { check } from '../support/property.ts'

const CONTROLS = [
  ...Array.from({ length: 32 }, (_, i) => i),
  ...Array.from({ length: 33 }, (_, i) => 127 + i),
]

describe('a stream name', () => {
  it.each(['orders', 'a b', 'é✓漢😀', 'x'.repeat(256), 'é'.repeat(128), '\u2028', '../..', ':'])(
    'can be %j',
    (name) => {
      expect(validateStreamName(name)).toBeUndefined()
    },
  )

  it('must not be empty', () => {
    expect(validateStreamName('')?.code).toBe('stream-name-required')
  })

  it('has at most 256 bytes of UTF-8, and its error says so', () => {
    for (const name of ['x'.repeat(257), `${'é'.repeat(128)}x`, '漢'.repeat(86), '😀'.repeat(65)]) {
      const fault = validateStreamName(name)
      expect(fault?.code).toBe('invalid-stream-name')
      expect(fault?.message).toContain(`${MAX_STREAM_NAME_BYTES} bytes`)
    }
  })

  it.each(['team \ud83d', '\ude42', 'a\udc00\ud800'])('is well-formed Unicode, unlike %j', (name) => {
    expect(validateStreamName(name)).toMatchObject({ code: 'invalid-stream-name', status: 400 })
    expect(validatePeerStreamName(name)).toBeUndefined()
  })

  it('must not contain control characters', () => {
    for (const code of CONTROLS)
      expect(validateStreamName(`a${String.fromCharCode(code)}b`)?.code, String(code)).toBe(
        'invalid-stream-name',
      )
  })
})

describe('a message of the default limit', () => {
  const limit = resolveOptions({}).maxMessageBytes
  const longest = (msg: string) => {
    expect(validateMessage(msg, limit)).toBeUndefined()
    const event = '漢'.repeat(MAX_EVENT_TYPE_LENGTH)
    return byteLength(eventFrame({ id: 'x'.repeat(4_700), event, msg }))
  }

  it.each(['x', '漢', '\n', '\r\n', 'é\r', 'ab\n'])(
    'makes a block of at most 64 KiB with the longest event type and an id of 4,700 bytes, as it consists of %j',
    (piece) => {
      // The largest number of pieces within the limit, by binary search.
      let [fits, tooMany] = [1, limit + 1]
      while (tooMany - fits > 1) {
        const count = (fits + tooMany) >> 1
        if (validateMessage(piece.repeat(count), limit) === undefined) fits = count
        else tooMany = count
      }
      expect(longest(piece.repeat(fits))).toBeLessThanOrEqual(65_536)
      expect(longest(piece.repeat(fits))).toBeGreaterThan(64_000)
      expect(validateMessage(piece.repeat(tooMany), limit)?.status).toBe(413)
    },
  )
})

describe('an event type', () => {
  it.each(['order', ' spaced ', 'a:b', '😀', 'x'.repeat(MAX_EVENT_TYPE_LENGTH), 'sser', 'my-sser-gap'])(
    'can be %j',
    (type) => {
      expect(validateEventType(type)).toBeUndefined()
    },
  )

  it.each(['', 'a\rb', 'a\nb', 'a\u0000b', '\n', 'x'.repeat(257), 'sser-gap', 'sser-'])(
    'must not be %j',
    (type) => {
      expect(validateEventType(type)?.code).toBe('invalid-event-type')
    },
  )
})

describe('an idempotency key', () => {
  it.each(['k', 'order 17', 'x'.repeat(256)])('can be %j', (key) => {
    expect(validateIdempotencyKey(key)).toBeUndefined()
  })

  it.each(['', 'a\rb', 'a\nb', 'a\u0000', 'x'.repeat(257)])('must not be %j', (key) => {
    expect(validateIdempotencyKey(key)?.code).toBe('invalid-idempotency-key')
  })
})

describe('the length in bytes', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '😀', '\ud800', '\udfff'), maxLength: 60 })

  it('is that of the encoded text, also with lone surrogates', () => {
    check(text, (one) => {
      expect(byteLength(one)).toBe(Buffer.byteLength(one.toWellFormed()))
    })
  })

  it('exceeds a limit exactly if the encoded text does', () => {
    check(fc.record({ one: text, limit: fc.nat({ max: 200 }) }), ({ one, limit }) => {
      expect(isLongerThan(one, limit)).toBe(byteLength(one) > limit)
    })
  })
})
