import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RunSlice } from '../../src/runs/run-reader.ts'
import { settle } from '../support/clock.ts'
import { SEED } from '../support/messages.ts'
import { newRuns, openReader, readAll } from '../support/run-peers.ts'

describe('a reader of a run of this Pod', () => {
  test('reads chunks and then the end, once', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    const { reader } = await openReader(runs)
    expect(readAll(reader)).toEqual([])
    run.write('a')
    run.write('b')
    expect(readAll(reader)).toEqual(['a', 'b'])
    run.write('c')
    run.fail('no quota')
    expect(readAll(reader)).toEqual(['c', '[failed: no quota]'])
    expect([readAll(reader), reader.isDone]).toEqual([[], true])
  })

  test('is woken once for all chunks of a turn, and never after it is closed', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    const { reader, wakes } = await openReader(runs)
    for (let i = 0; i < 1_000; i += 1) run.write('x')
    await settle()
    expect(wakes()).toBe(1)
    reader.close()
    run.write('y')
    run.end()
    await settle()
    expect([wakes(), reader.read(100)]).toEqual([1, undefined])
    expect(runs.copies.get(run.id)?.readers).toBe(0)
  })

  test('goes on after the id of a chunk, and waits where it is ahead of the copy', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    run.write('a')
    run.write('b')
    const { check } = runs.copies.get(run.id)!
    const { reader } = await openReader(runs, 'chat', { after: `0.${check}`, from: 'start' })
    const { reader: ahead } = await openReader(runs, 'chat', { after: `2.${check}`, from: 'start' })
    expect([readAll(reader), readAll(ahead)]).toEqual([['b'], []])
    run.write('c')
    run.write('d')
    expect([readAll(reader), readAll(ahead)]).toEqual([['c', 'd'], ['d']])
  })

  test('gets the end at once after an id beyond the end', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    const { check } = runs.copies.get(run.id)!
    run.end()
    const { reader } = await openReader(runs, 'chat', { after: `zzzz.${check}`, from: 'start' })
    expect(readAll(reader)).toEqual(['[ended]'])
  })

  test('begins with the next chunk where it asks for those from now on', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    run.write('a')
    const { reader } = await openReader(runs, 'chat', { after: undefined, from: 'now' })
    run.write('b')
    expect(readAll(reader)).toEqual(['b'])
  })

  test('gets a gap in place of chunks that were evicted', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    for (let i = 0; i < 300; i += 1) run.write(`${i} `)
    const { reader } = await openReader(runs)
    reader.read(1)
    runs.copies.get(run.id)?.dropOldest()
    expect(readAll(reader).slice(0, 2)).toEqual(['[gap 256]', '256 '])
  })

  test('sees what an array of chunks would show, whatever is written, dropped and read when', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 300 }) }) },
      { weight: 4, arbitrary: fc.record({ read: fc.integer({ min: 1, max: 500 }) }) },
      { weight: 1, arbitrary: fc.constant({ drop: true as const }) },
    )
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(20), async (steps, after) => {
        const { runs } = newRuns()
        const run = await runs.start('chat', false)
        const copy = runs.copies.get(run.id)!
        const { reader } = await openReader(runs, 'chat', {
          after: `${after.toString(36)}.${copy.check}`,
          from: 'start',
        })
        let written = 0
        let next = after + 1
        const look = (slice: RunSlice | undefined) => {
          if (slice === undefined) return expect(next).toBeGreaterThanOrEqual(written)
          if (slice.type === 'gap') {
            expect(slice.index).toBe(copy.first)
            expect(slice.index).toBeGreaterThan(next)
            next = slice.index
            return
          }
          if (slice.type !== 'chunks') return expect.unreachable()
          expect(slice.from).toBe(next)
          for (const chunk of slice.chunks) expect(chunk).toBe(`chunk ${next++}`)
          expect(next).toBeLessThanOrEqual(written)
        }
        for (const one of steps) {
          if ('write' in one) for (let i = 0; i < one.write; i += 1) run.write(`chunk ${written++}`)
          else if ('read' in one) look(reader.read(one.read))
          else copy.dropOldest()
        }
        run.end()
        for (let ends = 0; ends === 0; ) {
          const slice = reader.read(100)
          if (slice?.type === 'end') ends += 1
          else look(slice)
        }
        expect(reader.read(100)).toBeUndefined()
      }),
      { seed: SEED, numRuns: 60 },
    )
  })
})
