import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RunText } from '../../src/runs/run-text.ts'
import { check } from '../support/property.ts'

const chunks = fc.oneof(
  { weight: 8, arbitrary: fc.string({ minLength: 1, maxLength: 8 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('é', '漢字', '😀', 'x'.repeat(255), 'y'.repeat(510), 'z'.repeat(700)),
  },
  { weight: 1, arbitrary: fc.constant('w'.repeat(20_000)) },
)
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ push: fc.array(chunks, { minLength: 1, maxLength: 400 }) }) },
  { weight: 2, arbitrary: fc.constant({ seal: true }) },
  { weight: 1, arbitrary: fc.constant({ drop: true }) },
  { weight: 1, arbitrary: fc.record({ restart: fc.nat(5) }) },
)

describe('the text of a run', () => {
  test('has the chunks that an array would have, whatever is sealed, dropped and read', () => {
    check(
      fc.tuple(fc.array(action, { maxLength: 12 }), fc.integer({ min: 1, max: 20_000 })),
      ([actions, units]) => {
        const text = new RunText()
        const model = new Map<number, string>()
        let next = 0
        for (const step of actions) {
          if ('push' in step)
            for (const chunk of step.push) {
              text.push(chunk)
              model.set(next++, chunk)
            }
          else if ('seal' in step) text.seal()
          else if ('drop' in step) {
            text.dropPage()
            for (const index of model.keys()) if (index < text.first) model.delete(index)
          } else {
            next += step.restart
            text.restart(next)
            model.clear()
          }
          expect(text.next).toBe(next)
          expect(next - text.first).toBe(model.size)
        }
        for (let index = text.first; index < next; ) {
          const read = text.read(index, units)
          expect(read.length).toBeGreaterThan(0)
          expect(read.slice(0, -1).join('').length).toBeLessThan(units)
          for (const chunk of read) expect(chunk).toBe(model.get(index++))
        }
        expect(text.read(next, units)).toEqual([])
        if (text.first > 0) expect(text.read(text.first - 1, units)).toEqual([])
        expect(text.bytes).toBeGreaterThanOrEqual([...model.values()].join('').length)
      },
      { numRuns: 60 },
    )
  })

  test('counts no bytes when all chunks are dropped', () => {
    const text = new RunText()
    for (let i = 0; i < 1_000; i += 1) text.push(i % 3 === 0 ? '漢' : 'abcd')
    const { bytes } = text
    expect(bytes).toBeGreaterThan(3_000)
    while (text.first < text.next) text.dropPage()
    expect(text.bytes).toBe(0)
  })

  test('counts at most twice the text of 1,000 chunks of 4 characters', () => {
    const text = new RunText()
    for (let i = 0; i < 1_000; i += 1) text.push('abcd')
    text.seal()
    expect(text.bytes).toBeLessThan(2 * 4_000)
  })
})
