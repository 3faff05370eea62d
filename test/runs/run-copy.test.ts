import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RunCopy } from '../../src/runs/run-copy.ts'
import { check } from '../support/property.ts'

function newCopy() {
  const changes: RunCopy[] = []
  let bytes = 0
  const copy = new RunCopy('aaaaa:1', 'chat', {
    onBytes: (added) => {
      bytes += added
    },
    onChange: (changed) => changes.push(changed),
    onEnd: () => {},
  })
  return { copy, changes, counted: () => bytes }
}

const textOf = (copy: RunCopy) => {
  const chunks: string[] = []
  for (let at = copy.first; at < copy.next; at = copy.first + chunks.length) chunks.push(...copy.read(at, 10))
  return chunks.join(',')
}

describe('a copy of a run', () => {
  test('takes chunks in any overlapping parts, each once and in order', () => {
    const run = Array.from({ length: 30 }, (_, index) => `chunk ${index}`)
    const parts = fc.array(fc.tuple(fc.nat(30), fc.nat(10)), { maxLength: 40 })
    check(parts, (slices) => {
      const { copy, counted } = newCopy()
      let next = 0
      for (const [from, length] of slices) {
        expect(copy.append(from, run.slice(from, from + length))).toBeUndefined()
        if (from <= next) next = Math.max(next, Math.min(run.length, from + length))
        expect(copy.next).toBe(next)
      }
      expect(textOf(copy)).toBe(run.slice(0, next).join(','))
      expect(counted()).toBe(copy.bytes)
    })
  })

  test('names the chunk that contradicts the one that it holds, which stays', () => {
    const { copy } = newCopy()
    copy.append(0, ['a', 'b', 'c'])
    expect(copy.append(1, ['b', 'x', 'd'])).toBe(2)
    expect(textOf(copy)).toBe('a,b,c')
  })

  test('compares no chunks that it has dropped', () => {
    const { copy } = newCopy()
    copy.append(0, ['a', 'b'])
    copy.dropOldest()
    expect(copy.append(0, ['x', 'y', 'c'])).toBeUndefined()
    expect([copy.first, textOf(copy)]).toEqual([2, 'c'])
  })

  test('is complete when it has the end and each chunk before it', () => {
    const { copy } = newCopy()
    expect(copy.setEnd({ state: 'ended', chunks: 2 })).toBe(true)
    copy.append(0, ['a'])
    expect(copy.isComplete).toBe(false)
    copy.append(1, ['b'])
    expect(copy.isComplete).toBe(true)
  })

  test('keeps the first end, and says so', () => {
    const { copy } = newCopy()
    expect(copy.setEnd({ state: 'ended', chunks: 0 })).toBe(true)
    expect(copy.setEnd({ state: 'ended', chunks: 0 })).toBe(true)
    expect(copy.setEnd({ state: 'failed', chunks: 0 })).toBe(false)
    expect(copy.end).toEqual({ state: 'ended', chunks: 0 })
  })

  test('begins again after chunks that no Pod has, and never goes back', () => {
    const { copy } = newCopy()
    copy.append(0, ['a'])
    copy.skipTo(5)
    copy.skipTo(3)
    copy.append(5, ['f'])
    expect([copy.first, copy.next, textOf(copy)]).toEqual([5, 6, 'f'])
  })

  test('asks once to call its listeners until they are called, and never without one', () => {
    const { copy, changes } = newCopy()
    copy.push('a')
    expect(changes).toEqual([])
    let calls = 0
    const stop = copy.follow(() => {
      calls += 1
    })
    copy.push('b')
    copy.push('c')
    copy.touch()
    expect(changes).toEqual([copy])
    copy.notify()
    copy.push('d')
    expect([calls, changes.length]).toEqual([1, 2])
    stop()
    expect(copy.isFollowed).toBe(false)
  })
})
