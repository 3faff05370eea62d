import { describe, expect, it } from 'vitest'
import { OrphanedEnds } from '../../src/runs/orphaned-ends.ts'
import { ownCpuMs } from '../support/cpu-time.ts'

const END = { state: 'ended', chunks: 0 } as const
const MAX = 80_000

describe('ends of runs that are not known', () => {
  it('are kept up to a number, the oldest go first', () => {
    const ends = new OrphanedEnds(3)
    for (const seq of [1, 2, 3]) ends.add(`aaaaa:${seq}`, END, seq)
    expect(ends.take('aaaaa:2')?.endedAt).toBe(2)
    for (const seq of [4, 5]) ends.add(`aaaaa:${seq}`, END, seq)
    const left = [1, 2, 3, 4, 5].filter((seq) => ends.take(`aaaaa:${seq}`) !== undefined)
    expect(left).toEqual([3, 4, 5])
  })

  it('are kept for a time, the first one of each run', () => {
    const ends = new OrphanedEnds(3)
    ends.add('aaaaa:1', END, 1)
    ends.add('aaaaa:1', END, 2)
    ends.add('aaaaa:2', END, 2)
    ends.expire(1)
    expect([ends.take('aaaaa:1'), ends.take('aaaaa:2')?.endedAt]).toEqual([undefined, 2])
  })

  it('take the same time to replace, however many were replaced before', async () => {
    const ends = new OrphanedEnds(MAX)
    let seq = 0
    const add = (count: number) => {
      for (const to = seq + count; seq < to; seq += 1) ends.add(`aaaaa:${seq}`, END, 0)
    }
    add(MAX)
    const early = await ownCpuMs(() => add(5_000))
    add(40_000)
    // A Map reads its first key past all deleted ones, some 45,000 here.
    expect(await ownCpuMs(() => add(5_000))).toBeLessThan(4 * early + 100)
  })
})
