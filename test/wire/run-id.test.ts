import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareRunIds,
  formatChunkId,
  formatRunId,
  parseChunkId,
  parseRunId,
  runCheck,
} from '../../src/wire/runs.ts'
import { check } from '../support/property.ts'

const epochs = fc.constantFrom('aaaaa', 'zzzzz', 'A0z9Q')
const ids = fc.tuple(epochs, fc.integer({ min: 1, max: 2 ** 40 }))

describe('a run id', () => {
  test('reads back as it was formatted', () => {
    check(ids, ([epoch, seq]) => expect(parseRunId(formatRunId(epoch, seq))).toEqual({ epoch, seq }))
  })

  test('is refused where its epoch or seq is not one', () => {
    for (const text of [
      '',
      'aaaaa',
      'aaaaa:',
      'aaaaa:0',
      'aaaaa:01',
      'aaaaa:-1',
      'aaaa:1',
      '00000:1',
      'aaaaa:1 ',
    ])
      expect(parseRunId(text)).toBeUndefined()
    expect(parseRunId('aaaaa:9999999999999999')).toBeUndefined()
  })

  test('is ordered by epoch as text, and then by seq as a number', () => {
    const sorted = ['Zaaaa:1', 'aaaaa:2', 'aaaaa:10', 'aaaab:1']
    expect(sorted.toReversed().sort(compareRunIds)).toEqual(sorted)
    check(ids, ([epoch, seq]) =>
      expect(compareRunIds(formatRunId(epoch, seq), formatRunId(epoch, seq))).toBe(0),
    )
  })
})

describe('the id of a chunk', () => {
  test('reads back as it was formatted, and has at most 9 characters up to a million chunks', () => {
    check(fc.tuple(ids, fc.nat(1_000_000)), ([[epoch, seq], index]) => {
      const runId = formatRunId(epoch, seq)
      const id = formatChunkId(index, runCheck(runId))
      expect(parseChunkId(id)).toEqual({ index, check: runCheck(runId) })
      expect(id.length).toBeLessThanOrEqual(9)
    })
  })

  test('differs between runs that follow each other', () => {
    const checks = Array.from({ length: 1_000 }, (_, seq) => runCheck(formatRunId('aaaaa', seq + 1)))
    expect(new Set(checks).size).toBeGreaterThan(990)
  })

  test('is refused where it is none', () => {
    for (const text of [
      '',
      '1',
      '1.',
      '.abc',
      '1.ab',
      '1.abcd',
      '01.abc',
      'A.abc',
      '1.ab+',
      '-1.abc',
      '1.abc\n',
    ])
      expect(parseChunkId(text)).toBeUndefined()
  })
})
