import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SkippedRanges } from '../../src/replication/pending-acks.ts'
import { check } from '../support/property.ts'

describe('ranges of skipped events', () => {
  it('contain each skipped event until the log forgets it, in whatever steps they grew', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 }), fc.nat({ max: 6 })), {
      maxLength: 30,
    })
    check(steps, (gaps) => {
      const skipped = new SkippedRanges()
      const expected = new Set<number>()
      let at = 0
      let floor = 0
      for (const [taken, lost, forget] of gaps) {
        const after = at + taken
        at = after + lost
        for (let seq = after + 1; seq <= at; seq += 1) expected.add(seq)
        floor = Math.min(floor + forget, at)
        skipped.add(after, at, floor)
      }
      for (let seq = floor + 1; seq <= at + 3; seq += 1)
        expect(skipped.has(seq), `${seq}`).toBe(expected.has(seq))
      skipped.clear()
      for (let seq = 0; seq <= at; seq += 1) expect(skipped.has(seq)).toBe(false)
    })
  })
})
