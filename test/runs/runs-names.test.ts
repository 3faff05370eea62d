import { describe, expect, test } from 'vitest'
import { settle } from '../support/clock.ts'
import { entriesOf } from '../support/entries.ts'
import { newRuns, startElsewhere } from '../support/run-peers.ts'

describe('the start of a run', () => {
  test('is refused while a run of the name runs, with its state, on whichever Pod', async () => {
    const { runs, peers, clock } = newRuns()
    await runs.start('own', false)
    startElsewhere(runs, 'aaaaa', 'other')
    const refusal = (state: string) =>
      expect.objectContaining({ code: 'run-exists', message: expect.stringContaining(`(${state})`) })
    for (const name of ['own', 'other']) {
      await expect(runs.start(name, false)).rejects.toEqual(refusal('running'))
      await expect(runs.start(name, true)).rejects.toEqual(refusal('running'))
    }
    peers.states.set('aaaaa', { state: 'silent', since: clock.now() - 20_000 })
    await expect(runs.start('other', true)).rejects.toEqual(refusal('interrupted'))
  })

  test('is refused for a name that has ended, unless it replaces it', async () => {
    const { runs } = newRuns()
    const first = await runs.start('chat', false)
    first.end()
    await expect(runs.start('chat', false)).rejects.toMatchObject({ code: 'run-exists' })
    const second = await runs.start('chat', true)
    expect(runs.resolve('chat')).toMatchObject({ id: second.id, replaces: first.id })
  })

  test('is refused for a name that was replaced 1,000 times, until its first runs are forgotten', async () => {
    const { runs, clock, log } = newRuns({ retainMs: 10_000, maxRuns: 100 })
    for (let i = 0; i < 1_000; i += 1) (await runs.start('chat', true)).end()
    await expect(runs.start('chat', true)).rejects.toMatchObject({
      code: 'too-many-runs',
      message: expect.stringContaining('use a new name for each run'),
    })
    expect((await runs.start('other', false)).state).toBe('running')
    await clock.advance(13_000)
    expect((await runs.start('chat', true)).id).toBe(`ownOO:${log.ownSeq}`)
  })

  test('may replace a run that is lost', async () => {
    const { runs, peers } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    peers.states.set('aaaaa', { state: 'gone' })
    await expect(runs.start('chat', false)).rejects.toThrow('(lost)')
    const run = await runs.start('chat', true)
    await settle()
    expect([runs.resolve('chat')?.replaces, run.state]).toEqual([id, 'running'])
  })

  test('asks the peers first until this Pod knows their runs', async () => {
    const { runs, peers } = newRuns()
    peers.isSynced = false
    peers.onAsk = () => void startElsewhere(runs, 'aaaaa')
    await expect(runs.start('chat', false)).rejects.toMatchObject({ code: 'run-exists' })
    expect(peers.asked).toEqual([{ names: ['chat'] }])
  })

  test('is refused beyond the limit, until a run ends', async () => {
    const { runs } = newRuns({ maxRuns: 2 })
    const [first] = await Promise.all(['a', 'b'].map((name) => runs.start(name, false)))
    await expect(runs.start('c', false)).rejects.toMatchObject({ code: 'too-many-runs', status: 429 })
    expect(runs.resolve('c')).toBeUndefined()
    first?.end()
    await runs.start('c', false)
  })
})

describe('two runs of one name at once', () => {
  test('leave the one with the smaller id, and the other ends as superseded', async () => {
    const { runs, log, clock } = newRuns()
    const run = await runs.start('chat', false)
    log.append('aaaaa', { run: { start: 'chat' } }, clock.now(), clock.now())
    await settle()
    expect([run.state, run.stopReason, run.signal.aborted]).toEqual(['failed', 'superseded', true])
    expect((await run.closed).reason).toBe('superseded')
    expect(runs.resolve('chat')?.id).toBe('aaaaa:1')
  })

  test('leave this Pod’s where its id is the smaller one', async () => {
    const { runs, log, clock } = newRuns()
    const run = await runs.start('chat', false)
    log.append('zzzzz', { run: { start: 'chat' } }, clock.now(), clock.now())
    await settle()
    expect([run.state, runs.resolve('chat')?.id]).toEqual(['running', run.id])
  })

  test('end a run that another Pod has replaced, because it took it for lost', async () => {
    const { runs, log, clock } = newRuns()
    const run = await runs.start('chat', false)
    log.append('zzzzz', { run: { start: 'chat', replaces: run.id } }, clock.now(), clock.now())
    await settle()
    expect([run.state, run.stopReason]).toEqual(['failed', 'superseded'])
  })

  test('keep a run that replaces one with a smaller id', async () => {
    const { runs, log, clock } = newRuns()
    startElsewhere(runs, 'aaaaa')
    runs.directory.setEnd('aaaaa:1', { state: 'ended', chunks: 0 }, 0)
    const run = await runs.start('chat', true)
    log.append('aaaaa', { run: { end: 1, state: 'ended', chunks: 0 } }, clock.now(), clock.now())
    await settle()
    expect(run.state).toBe('running')
  })
})

describe('a cancellation', () => {
  test('has the answer of the producer’s Pod', async () => {
    const { runs, peers } = newRuns()
    const record = startElsewhere(runs, 'aaaaa')
    peers.outcome = 'cancelled'
    expect(await runs.cancel(record)).toBe('cancelled')
  })

  test('goes into the log where the producer’s Pod does not answer', async () => {
    const { runs, log } = newRuns()
    expect(await runs.cancel(startElsewhere(runs, 'aaaaa'))).toBe('unreachable')
    expect(entriesOf(log)).toEqual([expect.objectContaining({ kind: 'run', run: { cancel: 'aaaaa:1' } })])
  })

  test('asks no Pod for a run that is known to have ended', async () => {
    const { runs, peers } = newRuns()
    const record = startElsewhere(runs, 'aaaaa')
    peers.outcome = 'cancelled'
    runs.directory.setEnd(record.id, { state: 'ended', chunks: 0 }, 0)
    expect(await runs.cancel(record)).toBe('not-running')
  })
})

describe('a name or an id that is unknown', () => {
  const start = (after?: string) => ({ after, from: 'start' }) as const

  test('is asked for, and refused after 2 s', async () => {
    const { runs, peers, clock } = newRuns()
    const refused = expect(runs.find('chat', start())).rejects.toMatchObject({
      code: 'run-not-found',
      status: 404,
    })
    await clock.advance(1_900)
    expect(peers.asked).toEqual([{ names: ['chat'] }])
    await clock.advance(200)
    await refused
    expect(clock.timers).toBe(0)
  })

  test('is found as soon as its header comes', async () => {
    const { runs, clock } = newRuns()
    const found = runs.find('chat', start())
    await clock.advance(500)
    startElsewhere(runs, 'aaaaa')
    expect(await found).toMatchObject({ record: { id: 'aaaaa:1' }, from: 0, hasGap: false })
  })

  test('waits for the run of an id before it begins an older run of the name', async () => {
    const { runs, clock } = newRuns()
    const known = startElsewhere(runs, 'aaaaa')
    runs.directory.setEnd(known.id, { state: 'ended', chunks: 3 }, 0)
    const other = newRuns().runs
    const { id } = startElsewhere(other, 'bbbbb')
    const { check } = other.copies.ensure(other.directory.get(id)!)
    const found = runs.find('chat', start(`4.${check}`))
    await clock.advance(1_000)
    startElsewhere(runs, 'bbbbb', 'chat', known.id)
    expect(await found).toMatchObject({ record: { id }, from: 5, hasGap: false })
    const late = runs.find('chat', start('4.xyz'))
    await clock.advance(2_100)
    expect(await late).toMatchObject({ record: { id }, from: 0, hasGap: true })
  })

  test('is a gap at once where the id is none, or of a run that the name had before', async () => {
    const { runs, clock } = newRuns()
    const first = await runs.start('chat', false)
    const { check } = runs.copies.get(first.id)!
    first.end()
    const second = await runs.start('chat', true)
    for (const after of [`0.${check}`, 'made-up', ''])
      expect(await runs.find('chat', start(after))).toMatchObject({
        record: { id: second.id },
        from: 0,
        hasGap: true,
      })
    expect(clock.now()).toBe(1_000)
  })

  test('is waited for no longer than its reader', async () => {
    const { runs } = newRuns()
    const abort = new AbortController()
    const found = runs.find('chat', start(), abort.signal)
    abort.abort(new Error('left'))
    await expect(found).rejects.toThrow('left')
  })
})
