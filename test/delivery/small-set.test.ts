import { describe, expect, it } from 'vitest'
import { SmallSet } from '../../src/delivery/audience.ts'

describe('a small set', () => {
  it('has the items of a Set after any additions and deletions', () => {
    for (let steps = 0; steps < 4 ** 5; steps += 1) {
      const [small, set] = [new SmallSet<string>(), new Set<string>()]
      for (let rest = steps, step = 0; step < 5; step += 1, rest = Math.floor(rest / 4)) {
        const item = rest % 2 === 0 ? 'a' : 'b'
        if (rest % 4 >= 2) expect(small.delete(item)).toBe(set.delete(item))
        else {
          small.add(item)
          set.add(item)
        }
        expect([...small]).toEqual([...set])
        expect(small.size).toBe(set.size)
      }
    }
  })

  it('gives its only item without an iterator', () => {
    const set = new SmallSet<string>()
    expect(set.only).toBeUndefined()
    set.add('a')
    expect(set.only).toBe('a')
    set.add('b')
    expect(set.only).toBeUndefined()
  })
})
