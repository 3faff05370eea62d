import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PEER_ENDPOINT_URL_PATH, parseV1, printV1 } from '../../src/wire/v1.ts'
import { HOSTILE_MESSAGES } from '../fixtures/messages.ts'
import { check } from '../fixtures/property.ts'

describe('a v1 event', () => {
  it('reads back as it was printed, lone surrogates replaced', () => {
    const msg = fc.string({ unit: 'binary', minLength: 1 })
    const stream = fc.constantFrom('foo', 'é漢😀', '<&>')
    check(
      fc.record({ stream, msg }),
      (event) => {
        expect(parseV1(printV1(event))).toEqual({ ...event, msg: event.msg.toWellFormed() })
      },
      { examples: HOSTILE_MESSAGES.map((text) => ({ stream: 'foo', msg: text })) },
    )
  })

  it('is the bytes that a Go Pod writes, at the path that a Go Pod knows', () => {
    expect(printV1({ stream: 'foo', msg: 'hello' })).toBe('{"stream":"foo","msg":"hello"}')
    expect(PEER_ENDPOINT_URL_PATH).toBe('/api/json/v1/send')
  })

  it('reads the escapes that a Go Pod writes', () => {
    const body = '{"stream":"foo","msg":"\\u003ca\\u003e \\u0026 \\u2028 \\ufffd é\\n"}'
    expect(parseV1(body)).toEqual({ stream: 'foo', msg: '<a> & \u2028 \ufffd é\n' })
  })

  it('may have more fields than are known', () => {
    expect(parseV1('{"stream":"foo","msg":"a","id":7,"later":{"x":[]}}')).toEqual({ stream: 'foo', msg: 'a' })
  })

  it.each([
    ['no JSON', 'x'],
    ['nothing', ''],
    ['half of one', '{"stream":"foo","ms'],
    ['null', 'null'],
    ['an array', '[{"stream":"foo","msg":"a"}]'],
    ['a string', '"foo"'],
    ['without a msg', '{"stream":"foo"}'],
    ['with an empty msg', '{"stream":"foo","msg":""}'],
    ['with a null msg', '{"stream":"foo","msg":null}'],
    ['with a numeric msg', '{"stream":"foo","msg":1}'],
    ['without a stream', '{"msg":"a"}'],
    ['with a numeric stream', '{"stream":1,"msg":"a"}'],
  ])('that is %s is refused', (_, body) => {
    expect(() => parseV1(body)).toThrow(expect.objectContaining({ code: 'invalid-append' }))
  })

  it('with a stream that nobody could listen on is refused', () => {
    expect(() => parseV1('{"stream":"","msg":"a"}')).toThrow(
      expect.objectContaining({ code: 'stream-name-required' }),
    )
    expect(() => parseV1('{"stream":"a\\nb","msg":"a"}')).toThrow(
      expect.objectContaining({ code: 'invalid-stream-name' }),
    )
  })
})
