import { describe, expect, test } from 'vitest'
import { settle } from '../support/clock.ts'
import { newRuns, openReader, readAll, startElsewhere } from '../support/run-peers.ts'

describe('a reader of a run of another Pod', () => {
  test('wants the run until it is closed, together with the others', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    const { reader } = await openReader(runs)
    const { reader: second } = await openReader(runs)
    expect([...peers.wanted]).toEqual([id])
    reader.close()
    expect(peers.wanted.size).toBe(1)
    second.close()
    expect(peers.wanted.size).toBe(0)
  })

  test('gets the end after the chunks before it have come, however late', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    peers.complete = false
    const { reader, wakes } = await openReader(runs)
    runs.directory.setEnd(id, { state: 'ended', chunks: 2 }, 0)
    expect(readAll(reader)).toEqual([])
    runs.copies.get(id)?.append(0, ['a', 'b'])
    await settle()
    expect([wakes(), readAll(reader)]).toEqual([1, ['a', 'b', '[ended]']])
  })

  test('gets a gap before the end in place of chunks that no Pod has', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    peers.complete = false
    const { reader, wakes } = await openReader(runs)
    runs.copies.get(id)?.append(0, ['a'])
    runs.directory.setEnd(id, { state: 'ended', chunks: 3 }, 0)
    expect(readAll(reader)).toEqual(['a'])
    await settle()
    const before = wakes()
    peers.complete = true
    peers.change()
    await settle()
    expect([wakes() - before, readAll(reader)]).toEqual([1, ['[gap 3]', '[ended]']])
  })

  test('is told that the run is interrupted, and gets chunks that a holder has', async () => {
    const { runs, peers, clock } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    const { reader, wakes } = await openReader(runs)
    runs.copies.get(id)?.append(0, ['a'])
    expect(readAll(reader)).toEqual(['a'])
    peers.states.set('aaaaa', { state: 'silent', since: clock.now() })
    await clock.advance(14_000)
    expect(readAll(reader)).toEqual([])
    const before = wakes()
    await clock.advance(4_000)
    expect(wakes()).toBeGreaterThan(before)
    expect(readAll(reader)).toEqual(['[interrupted]'])
    runs.copies.get(id)?.append(1, ['b'])
    expect(readAll(reader)).toEqual(['b'])
  })

  test('is told that the run is resumed when the producer is back', async () => {
    const { runs, peers, clock } = newRuns()
    startElsewhere(runs, 'aaaaa')
    const { reader } = await openReader(runs)
    peers.states.set('aaaaa', { state: 'silent', since: clock.now() - 20_000 })
    expect(readAll(reader)).toEqual(['[interrupted]'])
    peers.states.set('aaaaa', { state: 'connected' })
    expect(readAll(reader)).toEqual(['[resumed]'])
  })

  test('gets the end lost when the producer has gone, after all that other Pods have', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    const { reader } = await openReader(runs)
    peers.complete = false
    peers.states.set('aaaaa', { state: 'gone' })
    expect(readAll(reader)).toEqual(['[interrupted]'])
    runs.copies.get(id)?.append(0, ['a'])
    peers.complete = true
    expect(readAll(reader)).toEqual(['a', '[lost]'])
    expect(reader.isDone).toBe(true)
  })

  test.each(['silent', 'unknown'] as const)(
    'gets the end lost after a minute of a %s producer',
    async (state) => {
      const { runs, peers, clock } = newRuns()
      startElsewhere(runs, 'aaaaa')
      const { reader } = await openReader(runs)
      peers.states.set('aaaaa', { state, since: clock.now() } as never)
      readAll(reader)
      await clock.advance(59_000)
      expect(readAll(reader)).toEqual(['[interrupted]'])
      await clock.advance(3_000)
      expect(readAll(reader)).toEqual(['[lost]'])
    },
  )

  test('that is ahead of a copy gets the end lost without anything twice', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    runs.copies.ensure(runs.directory.get(id)!).append(0, ['a', 'b'])
    const { check } = runs.copies.get(id)!
    const { reader } = await openReader(runs, 'chat', { after: `5.${check}`, from: 'start' })
    peers.states.set('aaaaa', { state: 'gone' })
    expect(readAll(reader)).toEqual(['[lost]'])
  })

  test('moves to the winner with a gap when its run is superseded', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'bbbbb')
    const { reader, wakes } = await openReader(runs)
    runs.copies.get(id)?.append(0, ['old'])
    expect(readAll(reader)).toEqual(['old'])
    startElsewhere(runs, 'aaaaa')
    runs.directory.setEnd(id, { state: 'failed', reason: 'superseded', chunks: 1 }, 0)
    await settle()
    expect(wakes()).toBeGreaterThan(0)
    expect(readAll(reader)).toEqual(['[gap 0]'])
    runs.copies.get('aaaaa:1')?.append(0, ['new'])
    runs.directory.setEnd('aaaaa:1', { state: 'ended', chunks: 1 }, 0)
    expect([readAll(reader), reader.id]).toEqual([['new', '[ended]'], 'aaaaa:1'])
    expect(peers.wanted.size).toBe(0)
  })

  test('moves to the replacement when its run is lost', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    const { reader } = await openReader(runs)
    startElsewhere(runs, 'bbbbb', 'chat', id)
    expect(readAll(reader)).toEqual([])
    peers.states.set('aaaaa', { state: 'gone' })
    expect([readAll(reader), reader.id]).toEqual([['[gap 0]'], 'bbbbb:1'])
  })

  test('is told that the run it moves to is not interrupted', async () => {
    const { runs, peers } = newRuns()
    startElsewhere(runs, 'aaaaa')
    const { reader } = await openReader(runs)
    peers.states.set('aaaaa', { state: 'gone' })
    peers.complete = false
    expect(readAll(reader)).toEqual(['[interrupted]'])
    const { id } = startElsewhere(runs, 'bbbbb', 'chat', 'aaaaa:1')
    peers.complete = true
    expect(readAll(reader)).toEqual(['[gap 0]', '[resumed]'])
    runs.copies.get(id)?.append(0, ['b'])
    expect(readAll(reader)).toEqual(['b'])
  })

  test('gets the end of a run that failed for a reason of the same name', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    const { reader } = await openReader(runs)
    run.fail('superseded')
    expect(readAll(reader)).toEqual(['[failed: superseded]'])
  })

  test('begins where other Pods have told it to be, from now on', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    peers.onAsk = () => runs.directory.onFacts({ id, epoch: 'aaaaa', name: 'chat', startedAt: 0, next: 7 })
    const { reader } = await openReader(runs, 'chat', { after: undefined, from: 'now' })
    expect(reader.cursor).toBe(7)
  })
})
