import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptsEventStream } from '../../src/admission/accept-header.ts'
import { addressOf } from '../../src/http/address.ts'
import { ownCopy } from '../../src/wire/names.ts'
import { check } from '../support/property.ts'

/** The same decision, by splitting the whole header. */
function splitting(accept: string): boolean {
  if (accept.trim() === '') return true
  for (const wanted of ['text/event-stream', 'text/*', '*/*']) {
    for (const range of accept.split(',')) {
      const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
      if (type === wanted) return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
    }
  }
  return false
}

describe('the header Accept', () => {
  it('is searched with the same result as if it were split', () => {
    const piece = fc.constantFrom(
      ...[
        'text/event-stream',
        'TEXT/*',
        '*/*',
        'text/html',
        ',',
        ',',
        ';',
        ' ',
        'q=0',
        'q=0.00',
        'q=0.5',
        'x',
        '\t',
      ],
    )
    check(
      fc.array(piece, { maxLength: 12 }),
      (pieces) => {
        const accept = pieces.join('')
        expect(acceptsEventStream(accept), accept).toBe(splitting(accept))
      },
      { numRuns: 5_000 },
    )
  })
})

describe('the header X-Forwarded-For', () => {
  it('yields the entry of the outermost trusted proxy', () => {
    const piece = fc.constantFrom(...[',', ' ', '10.0.0.1', '192.168.100.200', ',10.9.8.7'])
    const env = { incoming: { socket: { remoteAddress: '127.0.0.9' } } }
    check(
      fc.record({ pieces: fc.array(piece, { maxLength: 12 }), proxies: fc.integer({ min: 1, max: 5 }) }),
      ({ pieces, proxies }) => {
        // As Node and Bun do with the white space around a header.
        const list = pieces.join('').trim()
        const named = list.split(',').map((part) => part.trim())
        const expected = named.at(-proxies) ?? named[0]
        const request = new Request('http://pod/', { headers: { 'x-forwarded-for': list } })
        expect(addressOf(request, env, proxies), list).toBe(
          expected === '' ? '127.0.0.9' : expected?.slice(0, 64),
        )
      },
      { numRuns: 3_000 },
    )
  })
})

describe('a substring of a long text', () => {
  it('is copied, so that the long text can be freed', () => {
    for (const text of ['', 'orders', '漢字 \u{1f600}', '\ufeffbom', 'x'.repeat(256)])
      expect(ownCopy(` ${text} `.slice(1, -1))).toBe(text)
  })
})
