import { describe, expect, it } from 'vitest'
import { isSampled, normalizeTraceparent, parseTraceparent } from '../../src/wire/traceparent.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const GOOD = `00-${TRACE}-${PARENT}-01`

describe('a traceparent', () => {
  it('is kept unchanged', () => {
    expect(normalizeTraceparent(GOOD)).toBe(GOOD)
    expect(parseTraceparent(GOOD)).toEqual({ traceId: TRACE, spanId: PARENT, flags: 1 })
  })

  it('of a later version keeps the fields of version 00', () => {
    expect(normalizeTraceparent(`cc-${TRACE}-${PARENT}-01`)).toBe(GOOD)
    expect(normalizeTraceparent(`cc-${TRACE}-${PARENT}-01-what-the-future-brings`)).toBe(GOOD)
  })

  it.each<[string, unknown]>([
    ['missing', undefined],
    ['null', null],
    ['a number', 1],
    ['an object', { toString: () => GOOD }],
    ['an array', [GOOD]],
    ['empty', ''],
    ['of the version that is none', `ff-${TRACE}-${PARENT}-01`],
    ['of this version, and longer', `${GOOD}-00`],
    ['of a later version, and longer without a dash', `cc-${TRACE}-${PARENT}-01.x`],
    ['of a later version, and too long', `cc-${TRACE}-${PARENT}-01-${'x'.repeat(80)}`],
    ['in capitals', GOOD.toUpperCase()],
    ['with a trace of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['with a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['with a short trace', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['without flags', `00-${TRACE}-${PARENT}`],
    ['with a line break after it', `${GOOD}\n`],
    ['with a line break in it', `00-${TRACE}\n${PARENT}-01`],
    ['with a space before it', ` ${GOOD}`],
  ])('that is %s is none', (_, value) => {
    expect(normalizeTraceparent(value)).toBeUndefined()
  })

  it.each([
    ['00', false],
    ['01', true],
    ['02', false],
    ['03', true],
    ['ff', true],
    ['fe', false],
  ])('with the flags %s: sampled is %s', (flags, expected) => {
    expect(isSampled(`00-${TRACE}-${PARENT}-${flags}`)).toBe(expected)
  })
})
