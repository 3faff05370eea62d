import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeV1, PEER_ENDPOINT_URL_PATH, parseV1 } from '../../src/wire/v1.ts'
import { HOSTILE_MESSAGES } from '../support/messages.ts'
import { check } from '../support/property.ts'

describe('a v1 event', () => {
  it('reads back as it was printed, lone surrogates and line breaks replaced', () => {
    const msg = fc.string({ unit: 'binary', minLength: 1 })
    const stream = fc.constantFrom('foo', 'é漢😀', '<&>')
    check(
      fc.record({ stream, msg }),
      (event) => {
        expect(parseV1(encodeV1(event))).toEqual({ ...event, msg: asReceived(event.msg) })
      },
      { examples: HOSTILE_MESSAGES.map((text) => ({ stream: 'foo', msg: text })) },
    )
  })

  it('reaches a Go Pod’s clients whole, and as one event, whatever it holds', () => {
    for (const msg of HOSTILE_MESSAGES) {
      expect(received(goFrame(encodeV1({ stream: 'foo', msg }))), JSON.stringify(msg)).toEqual([
        { data: asReceived(msg), event: undefined },
      ])
    }
  })

  it('that is marked as lines is refused where nothing is left of it', () => {
    expect(() => parseV1('{"stream":"foo","msg":":","sseLines":true}')).toThrow(
      expect.objectContaining({ code: 'invalid-peer-message' }),
    )
  })

  it('is the bytes that a Go Pod writes, at the path that a Go Pod knows', () => {
    expect(encodeV1({ stream: 'foo', msg: 'hello' })).toBe('{"stream":"foo","msg":"hello"}')
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
    expect(() => parseV1(body)).toThrow(expect.objectContaining({ code: 'invalid-peer-message' }))
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

/** As `r3labs/sse` 2.8.1, which Go Pods rest on, writes the message of a v1 body. */
function goFrame(body: string): string {
  const { msg } = JSON.parse(body) as { msg: string }
  return `id: 0\n${msg.startsWith(':') ? '' : 'data: '}${msg.toWellFormed()}\n\n`
}

function received(frames: string): { data: string; event: string | undefined }[] {
  const events: { data: string; event: string | undefined }[] = []
  const parser = createParser({ onEvent: ({ data, event }) => events.push({ data, event }) })
  parser.feed(frames)
  return events
}

/** The message as a client receives it: each line break is a line feed. */
function asReceived(msg: string): string {
  return msg.toWellFormed().replace(/\r\n?/g, '\n')
}
