import { describe, expect, test } from 'vitest'
import { checkRunHeader, isSameHeader, MAX_REASON_LENGTH } from '../../src/wire/runs.ts'

const VALID = [
  { start: 'chat:1' },
  { start: 'chat:1', replaces: 'aaaaa:7' },
  { end: 3, state: 'ended', chunks: 0 },
  { end: 3, state: 'failed', reason: 'no quota', chunks: 12 },
  { end: 3, state: 'cancelled', reason: 'r'.repeat(MAX_REASON_LENGTH), chunks: 12 },
  { cancel: 'aaaaa:7' },
]

describe('a header of a run', () => {
  test.each(VALID)('is read without unknown fields: %j', (header) => {
    expect(checkRunHeader({ ...header, later: 1 })).toEqual(header)
    expect(isSameHeader(checkRunHeader(header)!, checkRunHeader(structuredClone(header))!)).toBe(true)
  })

  test.each([
    null,
    'start',
    {},
    { start: '' },
    { start: 'a\nb' },
    { start: 'n'.repeat(257) },
    { start: 'chat', replaces: 'aaaaa' },
    { end: 0, state: 'ended', chunks: 0 },
    { end: 1.5, state: 'ended', chunks: 0 },
    { end: 3, state: 'lost', chunks: 0 },
    { end: 3, state: 'ended' },
    { end: 3, state: 'ended', chunks: -1 },
    { end: 3, state: 'failed', reason: 'r'.repeat(MAX_REASON_LENGTH + 1), chunks: 1 },
    { end: 3, state: 'failed', reason: 7, chunks: 1 },
    { cancel: 'aaaaa:0' },
    { cancel: `aaaaa:${'1'.repeat(1_000)}` },
  ])('is unknown where a field is not valid: %j', (header) => {
    expect(checkRunHeader(header)).toBeUndefined()
  })

  test('differs from every header with another field', () => {
    const headers = VALID.map((header) => checkRunHeader(header)!)
    headers.forEach((a, i) => {
      headers.forEach((b, j) => {
        expect(isSameHeader(a, b)).toBe(i === j)
      })
    })
  })
})
