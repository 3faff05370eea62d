import { describe, expect, test } from 'vitest'
import { newRuns, openReader, readAll, startElsewhere } from '../support/run-peers.ts'

const PAGE = 256
const page = Array.from({ length: PAGE }, () => 'x'.repeat(60))

describe('the copies of a Pod', () => {
  test('are bounded, whatever is written', async () => {
    const { runs } = newRuns({ maxBytes: 100_000 })
    const all = await Promise.all(['a', 'b', 'c'].map((name) => runs.start(name, false)))
    for (let i = 0; i < 20_000; i += 1) {
      all[i % 3]?.write('some tokens ')
      expect(runs.copies.bytes).toBeLessThanOrEqual(100_000)
    }
    for (const { id } of all) expect(runs.copies.get(id)?.next).toBeGreaterThan(6_000)
  })

  test('lose those first that the Pod need not hold, and that no client reads', async () => {
    const { runs, peers } = newRuns({ maxBytes: 60_000 })
    const held = startElsewhere(runs, 'aaaaa', 'held')
    const read = startElsewhere(runs, 'bbbbb', 'read')
    const spare = startElsewhere(runs, 'ccccc', 'spare')
    peers.held.add(held.id)
    await openReader(runs, 'read')
    for (const record of [held, read, spare]) runs.copies.ensure(record).append(0, page)
    const run = await runs.start('own', false)
    for (let i = 0; i < PAGE && runs.copies.get(spare.id); i += 1) run.write('y'.repeat(60))
    expect(runs.copies.get(spare.id)).toBeUndefined()
    expect([held, read, run].map(({ id }) => runs.copies.get(id)?.first)).toEqual([0, 0, 0])
  })

  test('lose ended runs next, the oldest end first; a reader gets a gap and the end', async () => {
    const { runs } = newRuns({ maxBytes: 80_000 })
    const names = ['first', 'second', 'third']
    const ended = await Promise.all(names.map((name) => runs.start(name, false)))
    for (const run of ended) for (const chunk of page) run.write(chunk)
    for (const run of ended.slice(0, 2).toReversed()) run.end()
    const { reader } = await openReader(runs, 'second')
    const run = await runs.start('own', false)
    while (runs.copies.get(ended[1]!.id)?.first === 0) run.write('y'.repeat(60))
    expect(readAll(reader)).toEqual([`[gap ${PAGE}]`, '[ended]'])
    expect([ended[0], ended[2], run].map((one) => runs.copies.get(one!.id)?.first)).toEqual([0, 0, 0])
  })

  test('are not searched for each chunk where they take too much memory without chunks', async () => {
    const { runs, peers } = newRuns({ maxBytes: 60_000, maxRuns: 1_000 })
    let looks = 0
    peers.mustHold = () => {
      looks += 1
      return true
    }
    for (let i = 0; i < 1_000; i += 1) {
      runs.directory.onHeader('aaaaa', i + 1, { start: `held:${i}` }, 0)
      runs.copies.ensure(runs.directory.get(`aaaaa:${i + 1}`)!).append(0, ['x'])
    }
    expect(runs.copies.size).toBe(1_000)
    expect(looks).toBeLessThan(150_000)
  })

  test('lose chunks of the larger ones of many running runs, each of them about as much', async () => {
    const { runs } = newRuns({ maxBytes: 400_000, maxRuns: 100 })
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => runs.start(`run:${i}`, false)))
    const [small] = all
    small?.write('still here')
    for (let i = 0; i < 300; i += 1) for (const run of all.slice(1)) run.write('y'.repeat(60))
    expect(runs.copies.bytes).toBeLessThanOrEqual(400_000)
    expect(runs.copies.get(small!.id)?.first).toBe(0)
    const sizes = all.slice(1).map(({ id }) => runs.copies.get(id)?.bytes ?? 0)
    expect(Math.max(...sizes)).toBeLessThan(10_000)
  })

  test('lose the oldest chunks of the largest running run last', async () => {
    const { runs } = newRuns({ maxBytes: 60_000 })
    const [small, large] = await Promise.all(['small', 'large'].map((name) => runs.start(name, false)))
    for (const chunk of page) small?.write(chunk)
    while (runs.copies.get(large!.id)?.first === 0) large?.write('y'.repeat(60))
    expect(runs.copies.get(small!.id)?.first).toBe(0)
  })

  test('forget an ended run when its time is over, together with its name', async () => {
    const { runs, clock } = newRuns({ retainMs: 10_000 })
    const run = await runs.start('chat', false)
    run.write('a')
    run.end()
    await clock.advance(9_000)
    expect(runs.resolve('chat')?.id).toBe(run.id)
    await clock.advance(4_000)
    expect([runs.resolve('chat'), runs.copies.size, runs.copies.bytes]).toEqual([undefined, 0, 0])
    expect(clock.timers).toBe(0)
  })

  test('forget a run whose producer has gone, when its time is over', async () => {
    const { runs, peers, clock } = newRuns({ retainMs: 10_000 })
    startElsewhere(runs, 'aaaaa')
    await clock.advance(60_000)
    expect(runs.resolve('chat')).toBeDefined()
    peers.states.set('aaaaa', { state: 'gone' })
    await clock.advance(16_000)
    expect(runs.resolve('chat')).toBeUndefined()
  })

  test('keep a copy that a reader has just opened, however full they are', async () => {
    const { runs, peers } = newRuns({ maxBytes: 60_000 })
    const run = await runs.start('own', false)
    const { id } = startElsewhere(runs, 'aaaaa', 'other')
    while (runs.copies.bytes <= 59_800) run.write('y'.repeat(60))
    const { reader } = await openReader(runs, 'other')
    expect([...peers.wanted]).toEqual([id])
    runs.copies.get(id)?.append(0, ['a'])
    expect(readAll(reader)).toEqual(['a'])
  })

  test('tell the end of a run that comes with its last chunks, without a header', async () => {
    const { runs } = newRuns()
    const record = startElsewhere(runs, 'aaaaa')
    runs.copies.ensure(record).setEnd({ state: 'ended', chunks: 0 })
    expect([runs.stateOf(record), runs.resolve('chat')?.end?.state]).toEqual(['ended', 'ended'])
  })
})
