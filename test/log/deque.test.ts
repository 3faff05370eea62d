import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Deque } from '../../src/log/deque.ts'
import { check } from '../support/property.ts'

describe('a deque', () => {
  it('behaves like an array with push, shift and filter', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.constant('shift' as const) },
        { weight: 5, arbitrary: fc.nat({ max: 5 }) },
        { weight: 1, arbitrary: fc.constant('filter' as const) },
      ),
      { maxLength: 200 },
    )
    check(steps, (all) => {
      const deque = new Deque<number>()
      let model: number[] = []
      let next = 0
      const passes = (item: number) => item % 3 !== 0
      for (const step of all) {
        if (step === 'filter') {
          deque.filter(passes)
          model = model.filter(passes)
        } else if (step === 'shift') expect(deque.shift()).toBe(model.shift())
        else
          for (let i = 0; i <= step; i += 1) {
            deque.push(next)
            model.push(next)
            next += 1
          }
        expect(deque.length).toBe(model.length)
        expect(Array.from({ length: model.length + 2 }, (_, i) => deque.at(i))).toEqual([
          ...model,
          undefined,
          undefined,
        ])
      }
    })
  })

  it('finds the first passing item by binary search', () => {
    const items = fc.array(fc.nat({ max: 50 }), { maxLength: 60 }).map((all) => all.sort((a, b) => a - b))
    check(
      fc.record({ items, shifts: fc.nat({ max: 60 }), least: fc.nat({ max: 55 }) }),
      ({ items, shifts, least }) => {
        const deque = new Deque<number>()
        for (const item of items) deque.push(item)
        for (let i = 0; i < shifts; i += 1) deque.shift()
        const left = items.slice(shifts)
        const found = left.findIndex((item) => item >= least)
        expect(deque.lowerBound((item) => item >= least)).toBe(found === -1 ? left.length : found)
      },
    )
  })

  it('finds one of the newest of many items in a few steps', () => {
    const deque = new Deque<number>()
    for (let i = 0; i < 100_000; i += 1) deque.push(i)
    let steps = 0
    const isLate = (item: number) => {
      steps += 1
      return item >= 99_997
    }
    expect(deque.lowerBound(isLate)).toBe(99_997)
    expect(steps).toBeLessThan(6)
  })
})
