import { describe, expect, it } from 'vitest'
import { connected } from '../support/connected-client.ts'

/** The messages, positions and errors that a response of these chunks brings. */
async function received(...chunks: (string | Uint8Array)[]) {
  const { endpoint, clock, client, errors } = connected()
  const messages: [data: string, event: string | undefined][] = []
  client
    .stream<string>('orders', { parse: (text) => text })
    .on((data, { event }) => messages.push([data, event]))
  await clock.advance(10)
  endpoint.last.open()
  for (const chunk of chunks) {
    endpoint.last.write(chunk)
    await clock.advance(0)
  }
  const isAborted = endpoint.last.isAborted
  endpoint.last.fail()
  await clock.advance(30_000)
  return { messages, lastEventId: endpoint.last.lastEventId, errors, isAborted }
}

const bytes = (text: string) => Array.from(new TextEncoder().encode(text), (byte) => Uint8Array.of(byte))

describe('an event stream as the client reads it', () => {
  it.each([
    ['a comment', [': hello\n\ndata: 1\n\n'], [['1', undefined]]],
    ['a comment inside of a block', ['data: 1\n: hello\ndata: 2\n\n'], [['1\n2', undefined]]],
    ['a BOM at the start', ['\uFEFFdata: 1\n\n'], [['1', undefined]]],
    [
      'a second BOM, which is part of a field name',
      ['\uFEFF\uFEFFdata: 1\n\ndata: 2\n\n'],
      [['2', undefined]],
    ],
    [
      'CR as the line ending',
      ['data: 1\rdata: 2\r\rdata: 3\r\r'],
      [
        ['1\n2', undefined],
        ['3', undefined],
      ],
    ],
    ['CR LF as the line ending', ['data: 1\r\ndata: 2\r\n\r\n'], [['1\n2', undefined]]],
    ['CR and LF in two chunks', ['data: 1\r', '\ndata: 2\r', '\n\r', '\n'], [['1\n2', undefined]]],
    ['mixed line endings', ['data: 1\rdata: 2\ndata: 3\r\n\n'], [['1\n2\n3', undefined]]],
    [
      'an empty data field',
      ['data\n\ndata:\n\ndata: \n\n'],
      [
        ['', undefined],
        ['', undefined],
        ['', undefined],
      ],
    ],
    ['one leading space, which is removed once', ['data:  1\ndata:2\n\n'], [[' 1\n2', undefined]]],
    ['a colon in the data', ['data: a: b\n\n'], [['a: b', undefined]]],
    ['an unknown field', ['foo: bar\ndata: 1\n\n'], [['1', undefined]]],
    ['a field name with other case', ['Data: 1\ndata: 2\n\n'], [['2', undefined]]],
    [
      'an event type',
      ['event: created\ndata: 1\n\ndata: 2\n\n'],
      [
        ['1', 'created'],
        ['2', undefined],
      ],
    ],
    ['an event type without data', ['event: created\n\ndata: 1\n\n'], [['1', undefined]]],
    ['the last of several event types', ['event: a\nevent: b\ndata: 1\n\n'], [['1', 'b']]],
    ['an empty event type', ['event: a\nevent:\ndata: 1\n\n'], [['1', undefined]]],
    ['a block that is not complete', ['data: 1\n\ndata: 2\n'], [['1', undefined]]],
    ['characters of several bytes', ['data: é漢😀\n\n'], [['é漢😀', undefined]]],
    ['a byte that is no UTF-8', [Uint8Array.of(100, 97, 116, 97, 58, 0xff, 10, 10)], [['\uFFFD', undefined]]],
  ] as const)('reads %s', async (_, chunks, expected) => {
    expect((await received(...chunks)).messages).toEqual(expected)
  })

  it('reads a stream in chunks of one byte, also inside of the field that names the stream', async () => {
    const { endpoint, clock, client } = connected()
    const seen: unknown[] = []
    client.stream('orders').on((value) => seen.push(['orders', value]))
    client.stream('chat').on((value) => seen.push(['chat', value]))
    await clock.advance(10)
    endpoint.last.open()
    const text =
      '\uFEFF: hi\r\nstream: orders\r\ndata: "é😀"\r\nid: p1\r\n\r\nstream: chat\rdata: 2\rid: p2\r\r'
    for (const chunk of bytes(text)) endpoint.last.write(chunk)
    await clock.advance(100)
    expect(seen).toEqual([
      ['orders', 'é😀'],
      ['chat', 2],
    ])
  })

  it.each([
    ['an id', 'id: a\ndata: 1\n\n', 'a'],
    ['the id of the last block with one', 'id: a\ndata: 1\n\ndata: 2\n\n', 'a'],
    ['no id of a block that is not complete', 'id: a\ndata: 1\n\nid: b\ndata: 2\n', 'a'],
    ['no id with NUL', 'id: a\ndata: 1\n\nid: b\0c\ndata: 2\n\n', 'a'],
    ['an empty id, which clears the position', 'id: a\ndata: 1\n\nid:\ndata: 2\n\n', null],
    ['an id field without a colon, which clears the position', 'id: a\ndata: 1\n\nid\ndata: 2\n\n', null],
    ['an id with spaces and colons', 'id: a: b \ndata: 1\n\n', 'a: b'],
  ])('comes back with %s', async (_, text, expected) => {
    expect((await received(text)).lastEventId).toBe(expected)
  })

  it.each(['retry: soon', 'retry: -1', 'retry: 1.5', 'retry', 'retry: 10s'])('ignores "%s"', async (line) => {
    const { endpoint, clock, client } = connected()
    client.stream('orders').on(() => {})
    await clock.advance(10)
    endpoint.last.open(`retry: 10\n${line}\ndata: 1\n\n`)
    await clock.advance(0)
    endpoint.last.fail()
    await clock.advance(10)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('ends a connection whose line or block never ends, and comes back more and more slowly', async () => {
    const piece = `${'x'.repeat(1_048_576)}`
    for (const [first, separator] of [
      ['data: ', ''],
      ['foo: ', ''],
      ['', '\ndata: '],
    ] as const) {
      const chunks = [`data: 1\n\n${first}`, ...Array.from({ length: 5 }, () => `${separator}${piece}`)]
      const { messages, errors, isAborted } = await received(...chunks)
      expect(messages).toEqual([['1', undefined]])
      expect(errors[0]?.code).toBe('block-too-large')
      expect(isAborted).toBe(true)
    }
  })
})
