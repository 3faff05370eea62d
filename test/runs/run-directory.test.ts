import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RunDirectory } from '../../src/runs/run-directory.ts'
import type { RunHeader } from '../../src/wire/runs.ts'
import { check } from '../support/property.ts'

function newDirectory(maxRecords = 1_000) {
  const cancelled: string[] = []
  const conflicts: string[] = []
  const removed: string[] = []
  const refused: number[] = []
  const directory = new RunDirectory({
    maxRecords,
    retainMs: 1_000,
    ownEpoch: () => 'ownOO',
    isHeard: (epoch) => !epoch.startsWith('x'),
    onCancel: (id) => cancelled.push(id),
    onRefuse: () => refused.push(1),
    onConflict: (id) => conflicts.push(id),
    onRemove: ({ id }) => removed.push(id),
  })
  return { directory, cancelled, conflicts, removed, refused }
}

interface Placed {
  epoch: string
  seq: number
  header: RunHeader
}

const start = (epoch: string, seq: number, replaces?: string): Placed => ({
  epoch,
  seq,
  header: { start: 'chat', replaces },
})
const end = (epoch: string, seq: number, at: number): Placed => ({
  epoch,
  seq: at,
  header: { end: seq, state: 'ended', chunks: 1 },
})

function resolve(headers: readonly Placed[]) {
  const { directory } = newDirectory()
  for (const { epoch, seq, header } of headers) directory.onHeader(epoch, seq, header, 0)
  return directory.resolve('chat')?.id
}

describe('a name', () => {
  test('resolves to nothing without a run', () => {
    expect(resolve([])).toBeUndefined()
  })

  test('resolves to the smallest id of those that run', () => {
    expect(resolve([start('bbbbb', 1), start('aaaaa', 9), start('aaaaa', 10)])).toBe('aaaaa:9')
  })

  test('resolves to the run that runs rather than to one that has ended', () => {
    expect(resolve([start('aaaaa', 1), end('aaaaa', 1, 2), start('bbbbb', 1)])).toBe('bbbbb:1')
  })

  test('resolves to the replacement, though its id is larger, and though it has ended', () => {
    const first = [start('aaaaa', 1), end('aaaaa', 1, 2)]
    const second = start('bbbbb', 1, 'aaaaa:1')
    expect(resolve([...first, second])).toBe('bbbbb:1')
    expect(resolve([...first, second, end('bbbbb', 1, 2)])).toBe('bbbbb:1')
  })

  test('resolves to the end of the longest chain of replacements, of those that have ended', () => {
    const chain = [start('ccccc', 1), start('ccccc', 3, 'ccccc:1'), start('ccccc', 5, 'ccccc:3')]
    const ends = [1, 3, 5].map((seq) => end('ccccc', seq, seq + 1))
    const other = [start('aaaaa', 1), end('aaaaa', 1, 2)]
    expect(resolve([...chain, ...ends, ...other])).toBe('ccccc:5')
  })

  test('resolves alike in whatever order the headers come, with repetitions', () => {
    const epochs = ['aaaaa', 'bbbbb', 'ccccc']
    const runs = fc.array(
      fc.record({
        epoch: fc.constantFrom(...epochs),
        replaces: fc.option(fc.nat(20), { nil: undefined }),
        hasEnded: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    )
    const orders = fc.infiniteStream(fc.nat(1_000))
    check(fc.tuple(runs, orders), ([drawn, order]) => {
      const headers: Placed[] = []
      const ids: string[] = []
      drawn.forEach(({ epoch, replaces, hasEnded }, index) => {
        const seq = 2 * index + 1
        const replaced = replaces === undefined ? undefined : ids[replaces % (ids.length + 1)]
        headers.push(start(epoch, seq, replaced))
        if (hasEnded) headers.push(end(epoch, seq, seq + 1))
        ids.push(`${epoch}:${seq}`)
      })
      const expected = resolve(headers)
      expect(ids).toContain(expected)
      const keyed = [...headers, ...headers].map((header) => ({ header, key: order.next().value as number }))
      expect(resolve(keyed.toSorted((a, b) => a.key - b.key).map(({ header }) => header))).toBe(expected)
    })
  })

  test('resolves where peers tell of runs that replace each other in a circle', () => {
    const circle = [start('aaaaa', 1, 'bbbbb:1'), start('bbbbb', 1, 'aaaaa:1'), start('ccccc', 1, 'ccccc:1')]
    expect(() =>
      resolve([...circle, end('aaaaa', 1, 2), start('ddddd', 1), end('ddddd', 1, 2)]),
    ).not.toThrow()
  })
})

describe('the directory', () => {
  test('takes 1,000 runs of one name from other Pods, and looks at few of them when one more comes', () => {
    const { directory, refused } = newDirectory(10_000)
    for (let seq = 1; seq <= 1_500; seq += 1)
      directory.onHeader(
        'aaaaa',
        seq,
        { start: 'chat', replaces: seq > 1 ? `aaaaa:${seq - 1}` : undefined },
        0,
      )
    expect([directory.size, refused.length, directory.resolve('chat')?.id]).toEqual([
      1_000,
      500,
      'aaaaa:1000',
    ])
    expect([...directory.rivals(directory.get('aaaaa:1000')!)]).toHaveLength(2)
    directory.onHeader('ownOO', 1, { start: 'chat', replaces: 'aaaaa:1000' }, 0)
    directory.onHeader('aaaaa', 2_000, { start: 'other' }, 0)
    expect([directory.resolve('chat')?.id, directory.resolve('other')?.id]).toEqual(['ownOO:1', 'aaaaa:2000'])
    for (const record of [...directory.named('chat')]) directory.remove(record)
    expect(directory.resolve('chat')).toBeUndefined()
  })

  test('tells its listeners of each new run and of its end, once', () => {
    const { directory } = newDirectory()
    const told: unknown[] = []
    directory.onRecord(({ id, end: known }) => told.push([id, known?.state]))
    const stop = directory.watch('chat', () => told.push('watched'))
    directory.onHeader('aaaaa', 1, { start: 'chat' }, 0)
    directory.onHeader('aaaaa', 1, { start: 'chat' }, 0)
    directory.onHeader('aaaaa', 2, { start: 'other' }, 0)
    directory.onHeader('aaaaa', 3, { end: 1, state: 'ended', chunks: 2 }, 5)
    directory.onHeader('aaaaa', 3, { end: 1, state: 'ended', chunks: 2 }, 5)
    stop()
    directory.onHeader('bbbbb', 1, { start: 'chat' }, 0)
    expect(told).toEqual([
      ['aaaaa:1', undefined],
      'watched',
      ['aaaaa:2', undefined],
      ['aaaaa:1', 'ended'],
      'watched',
      ['bbbbb:1', undefined],
    ])
  })

  test('keeps an end that comes before the start', () => {
    const { directory } = newDirectory()
    directory.onHeader('aaaaa', 3, { end: 1, state: 'failed', reason: 'x', chunks: 2 }, 5)
    directory.onFacts({ id: 'aaaaa:1', epoch: 'aaaaa', name: 'chat', startedAt: 1 })
    expect(directory.resolve('chat')?.end).toEqual({ state: 'failed', reason: 'x', chunks: 2 })
  })

  test('keeps the first of two ends, and reports the other', () => {
    const { directory, conflicts } = newDirectory()
    directory.onHeader('aaaaa', 1, { start: 'chat' }, 0)
    directory.setEnd('aaaaa:1', { state: 'ended', chunks: 2 }, 5)
    directory.setEnd('aaaaa:1', { state: 'ended', chunks: 2 }, 6)
    expect(conflicts).toEqual([])
    directory.setEnd('aaaaa:1', { state: 'failed', chunks: 2 }, 7)
    expect(conflicts).toEqual(['aaaaa:1'])
    expect(directory.get('aaaaa:1')).toMatchObject({ end: { state: 'ended' }, endedAt: 5 })
  })

  test('passes a cancellation on', () => {
    const { directory, cancelled } = newDirectory()
    directory.onHeader('bbbbb', 4, { cancel: 'aaaaa:1' }, 0)
    expect(cancelled).toEqual(['aaaaa:1'])
  })

  test('expires a run when its time is over since the end, and no running run', () => {
    const { directory, removed } = newDirectory()
    directory.onHeader('aaaaa', 1, { start: 'chat' }, 0)
    directory.onHeader('bbbbb', 1, { start: 'other' }, 0)
    directory.setEnd('aaaaa:1', { state: 'ended', chunks: 0 }, 500)
    expect(directory.expired(1_499)).toEqual([])
    for (const record of directory.expired(1_500)) directory.remove(record)
    expect(removed).toEqual(['aaaaa:1'])
    expect([directory.resolve('chat'), directory.resolve('other')?.id]).toEqual([undefined, 'bbbbb:1'])
  })

  test('is bounded: the oldest ended run goes first, and a run of this Pod is always known', () => {
    const { directory, removed } = newDirectory(3)
    for (let seq = 1; seq <= 3; seq += 1) directory.onHeader('aaaaa', seq, { start: `run ${seq}` }, 0)
    directory.onHeader('aaaaa', 4, { start: 'ignored' }, 0)
    expect(directory.resolve('ignored')).toBeUndefined()
    directory.onHeader('ownOO', 1, { start: 'own' }, 0)
    expect(directory.resolve('own')?.id).toBe('ownOO:1')
    directory.setEnd('aaaaa:2', { state: 'ended', chunks: 0 }, 1)
    directory.setEnd('aaaaa:1', { state: 'ended', chunks: 0 }, 2)
    directory.onHeader('aaaaa', 7, { start: 'later' }, 0)
    expect(removed).toEqual(['aaaaa:2'])
    expect(directory.resolve('later')?.id).toBe('aaaaa:7')
  })

  test('bounds the ends of runs whose start it does not know', () => {
    const { directory } = newDirectory(3)
    for (let seq = 1; seq <= 9; seq += 1) directory.setEnd(`aaaaa:${seq}`, { state: 'ended', chunks: 0 }, 0)
    for (const seq of [1, 9])
      directory.onFacts({ id: `aaaaa:${seq}`, epoch: 'aaaaa', name: `run ${seq}`, startedAt: 0 })
    expect([directory.get('aaaaa:1')?.end, directory.get('aaaaa:9')?.end?.state]).toEqual([
      undefined,
      'ended',
    ])
  })
})
