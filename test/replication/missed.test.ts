import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Missed } from '../../src/replication/missed.ts'
import { check } from '../support/property.ts'

describe('what a peer missed', () => {
  it('is remembered run by run, in whatever steps it is told, until the log forgets it', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 }), fc.nat({ max: 6 })), {
      maxLength: 30,
    })
    check(steps, (gaps) => {
      const missed = new Missed()
      const expected = new Set<number>()
      let at = 0
      let floor = 0
      for (const [taken, lost, forget] of gaps) {
        const after = at + taken
        at = after + lost
        for (let seq = after + 1; seq <= at; seq += 1) expected.add(seq)
        floor = Math.min(floor + forget, at)
        missed.add(after, at, floor)
      }
      for (let seq = floor + 1; seq <= at + 3; seq += 1)
        expect(missed.has(seq), `${seq}`).toBe(expected.has(seq))
      missed.clear()
      for (let seq = 0; seq <= at; seq += 1) expect(missed.has(seq)).toBe(false)
    })
  })
})
