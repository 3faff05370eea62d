import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BlockParser } from '../../src/client/block-parser.ts'
import { check } from '../support/property.ts'

/** What both parsers read: events, reconnection times, and ids. */
type Read = ['event', string, string | undefined] | ['retry', number] | ['id', string]

function byOurs(chunks: readonly Uint8Array[]): Read[] {
  const read: Read[] = []
  const parser = new BlockParser(
    ({ data, event, id }) => {
      if (id !== undefined) read.push(['id', id])
      if (data !== undefined) read.push(['event', data, event])
    },
    (ms) => read.push(['retry', ms]),
  )
  for (const chunk of chunks) parser.feed(chunk)
  return read
}

function byOracle(text: string): Read[] {
  const read: Read[] = []
  const parser = createParser({
    onEvent: ({ data, event }) => read.push(['event', data, event]),
    onRetry: (ms) => read.push(['retry', ms]),
    onId: (id) => read.push(['id', id]),
  })
  parser.feed(text)
  return read
}

describe('the parser of the client', () => {
  it('reads any stream in any chunks as eventsource-parser reads it at once', () => {
    const name = fc.constantFrom('data', 'event', 'id', 'retry', 'stream', 'Data', 'dat', '')
    const value = fc.constantFrom('', ' ', '  x', 'x', ': y', '12', '1x', 'é😀', 'a\0b', '\uFEFF')
    const line = fc.tuple(name, fc.constantFrom(':', ': ', ''), value).map((parts) => parts.join(''))
    const end = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n')
    const stream = fc.array(fc.tuple(line, end)).map((lines) => lines.flat().join(''))
    check(
      fc.tuple(fc.constantFrom('', '\uFEFF'), stream, fc.array(fc.nat({ max: 12 }), { minLength: 1 })),
      ([bom, text, sizes]) => {
        // A last CR alone may be half of a line break, of which the oracle waits for the rest.
        const bytes = new TextEncoder().encode(`${bom}${text}\n`)
        const chunks: Uint8Array[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] as number
          chunks.push(bytes.subarray(at, at + size + (turn % 7 === 6 ? 1 : 0)))
          at += size + (turn % 7 === 6 ? 1 : 0)
        }
        expect(byOurs(chunks)).toEqual(byOracle(`${bom}${text}\n`))
      },
    )
  })
})
