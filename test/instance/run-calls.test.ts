import { describe, expect, test } from 'vitest'
import { createFleet, createSser, ManualClock } from '../../src/testing.ts'
import { settle, VirtualClock } from '../support/clock.ts'
import { pausable } from '../support/pausable-clock.ts'
import { collectRun, runTexts } from '../support/runs.ts'
import { newSser } from '../support/settings.ts'
import { thrown } from '../support/subscriptions.ts'
import { until } from '../support/until.ts'

describe('the calls for runs', () => {
  test('refuse arguments of a wrong kind, and name what they expected', async () => {
    await using sser = await createSser()
    await expect(sser.startRun('')).rejects.toMatchObject({ code: 'stream-name-required' })
    await expect(sser.startRun('chat', { from: ['a'] as never })).rejects.toThrow(
      'an async iterable or a ReadableStream',
    )
    await expect(sser.startRun('chat', { maxIdleMs: 0 })).rejects.toThrow('option "maxIdleMs"')
    await expect(sser.startRun('chat', { maxIdleMs: 50 })).rejects.toThrow(
      'expected the option "from" beside it',
    )
    const locked = new ReadableStream<string>()
    locked.getReader()
    await expect(sser.startRun('chat', { from: locked })).rejects.toThrow('one that is locked')
    const run = await sser.startRun('other')
    await expect(sser.cancelRun(run as never)).rejects.toThrow(
      'cancelRun(): expected the name of a run as a string',
    )
    expect(thrown(() => sser.readRun(run as never)).message).toContain('pass its name, run.name')
    expect(thrown(() => run.write(new Uint8Array(1) as never)).message).toContain('by a TextDecoder')
    expect(thrown(() => run.write('')).message).toContain('leave out the empty texts of a model')
    await expect(sser.startRun('chat', { retry: true } as never)).rejects.toThrow('there is no option')
    expect(thrown(() => sser.readRun('chat', { from: 'oldest' as never })).message).toContain(
      '"start" or "now"',
    )
    expect(thrown(() => sser.runStream('a\nb')).code).toBe('invalid-stream-name')
    await expect(sser.cancelRun('chat', { signal: true as never })).rejects.toThrow('an AbortSignal')
    expect(await sser.run('chat')).toBeUndefined()
  })

  test('are refused before the start and after the stop', async () => {
    const sser = newSser({ logger: false })
    await expect(sser.startRun('chat')).rejects.toMatchObject({ code: 'not-started' })
    await sser.start()
    await sser.stop()
    await expect(sser.startRun('chat')).rejects.toMatchObject({ code: 'stopped' })
    await expect(sser.run('chat')).rejects.toMatchObject({ code: 'stopped' })
    expect(thrown(() => sser.readRun('chat')).code).toBe('stopped')
  })

  test('see the runs of every Pod', async () => {
    await using fleet = await createFleet(2)
    const [here, there] = [fleet.pod(0).sser, fleet.pod(1).sser]
    const run = await here.startRun('chat:1')
    await until('the start is known', async () => (await there.run('chat:1')) !== undefined)
    expect(await there.run('chat:1')).toMatchObject({
      id: run.id,
      name: 'chat:1',
      state: 'running',
      ageMs: expect.any(Number),
    })
    await expect(there.startRun('chat:1')).rejects.toMatchObject({ code: 'run-exists' })
    run.fail('no quota')
    await until('the end is known', async () => (await there.run('chat:1'))?.state === 'failed')
    expect(await there.run('chat:1')).toMatchObject({ reason: 'no quota', chunks: 0 })
  })

  test('cancel a run whose own signal aborts', async () => {
    await using sser = await createSser()
    const abort = new AbortController()
    const run = await sser.startRun('chat', { signal: abort.signal })
    abort.abort()
    expect([run.signal.aborted, run.stopReason]).toEqual([true, 'cancelled'])
    run.end()
    expect(run.state).toBe('cancelled')
    await expect(sser.startRun('other', { signal: abort.signal })).rejects.toThrow('aborted')
  })
})

describe('a reader of a run', () => {
  test('counts as a subscription until its loop ends', async () => {
    await using sser = await createSser({ maxSubscriptions: 2 })
    await sser.startRun('chat')
    const subscription = sser.subscribe('orders')
    const reading = sser.readRun('chat')
    expect(thrown(() => sser.readRun('chat')).code).toBe('too-many-subscriptions')
    expect(thrown(() => sser.subscribe('orders')).code).toBe('too-many-subscriptions')
    await reading.return()
    expect(sser.stats().subscriptions.open).toBe(1)
    await sser.readRun('chat').return()
    await subscription.return()
  })

  test('ends without an error when its signal aborts, also while it waits', async () => {
    await using sser = await createSser()
    await sser.startRun('chat')
    const abort = new AbortController()
    const items = collectRun(sser.readRun('chat', { signal: abort.signal }))
    const unknown = collectRun(sser.readRun('unknown', { signal: abort.signal }))
    await settle()
    abort.abort()
    await Promise.all([items.done, unknown.done])
    expect([items.length, unknown.length, sser.stats().subscriptions.open]).toEqual([0, 0, 0])
  })

  test('rejects once for a name that no Pod knows, and is done', async () => {
    const clock = new ManualClock()
    await using sser = await createSser({ clock })
    const reading = sser.readRun('chat')
    const refused = expect(reading.next()).rejects.toMatchObject({ code: 'run-not-found' })
    await clock.advance(2_100)
    await refused
    expect(await reading.next()).toEqual({ done: true, value: undefined })
    expect(sser.stats().subscriptions.open).toBe(0)
  })

  test('gives each of several pending calls its own item', async () => {
    await using sser = await createSser()
    const run = await sser.startRun('chat')
    const reading = sser.readRun('chat')
    const pending = Array.from({ length: 4 }, () => reading.next())
    run.write('a')
    run.write('b')
    run.end()
    const results = await Promise.all(pending)
    expect(runTexts(results.flatMap(({ value }) => value ?? []))).toEqual(['a', 'b', '[ended]'])
    expect(results[3]?.done).toBe(true)
  })

  test('ends when the instance stops, after the chunks and the end that it has', async () => {
    await using sser = await createSser()
    const run = await sser.startRun('chat')
    const items = collectRun(sser.readRun('chat'))
    run.write('a')
    await sser.stop()
    await items.done
    expect(runTexts(items)).toEqual(['a', '[failed: draining]'])
    expect([run.signal.aborted, run.stopReason]).toEqual([true, 'draining'])
  })

  test('is read as a stream that fails where the run does, or chunks are missing', async () => {
    await using sser = await createSser()
    const run = await sser.startRun('chat')
    const reader = sser.runStream('chat').getReader()
    const gap = sser.runStream('chat', { after: 'made-up' }).getReader()
    run.write('a')
    expect(await reader.read()).toEqual({ done: false, value: 'a' })
    await expect(gap.read()).rejects.toMatchObject({ code: 'run-incomplete' })
    run.fail('no quota')
    await expect(reader.read()).rejects.toMatchObject({
      code: 'run-failed',
      message: expect.stringContaining('no quota'),
    })
    expect(sser.stats().subscriptions.open).toBe(0)
  })

  test('of a stream leaves the run when the stream is cancelled', async () => {
    await using sser = await createSser()
    await sser.startRun('chat')
    await sser.runStream('chat').cancel()
    expect(sser.stats().subscriptions.open).toBe(0)
  })
})

describe('the stop of an instance', () => {
  test('goes on with its runs until they end', async () => {
    const clock = new ManualClock()
    const sser = await createSser({ clock, runs: { drainTimeoutMs: 60_000 } })
    const run = await sser.startRun('chat')
    let hasStopped = false
    void sser.stop().then(() => {
      hasStopped = true
    })
    await clock.advance(30_000)
    await expect(sser.startRun('other')).rejects.toMatchObject({ code: 'stopped' })
    run.write('late')
    expect([hasStopped, run.signal.aborted]).toEqual([false, false])
    run.end()
    await clock.advance(1_000)
    expect([hasStopped, run.state]).toEqual([true, 'ended'])
  })

  test('ends them as failed after the time for it', async () => {
    const clock = new ManualClock()
    const sser = await createSser({ clock, runs: { drainTimeoutMs: 5_000 } })
    const run = await sser.startRun('chat')
    const stopping = sser.stop()
    await clock.advance(4_900)
    expect(run.state).toBe('running')
    await clock.advance(200)
    await stopping
    expect(await run.closed).toEqual({ state: 'failed', reason: 'draining', chunks: 0 })
  })
})

describe('a process that was paused', () => {
  test('ends its runs, and their readers get the end lost', async () => {
    const clock = new VirtualClock()
    const own = pausable(clock)
    const sser = newSser({ logger: false, drainTimeoutMs: 0, clock: own.clock })
    await sser.start()
    const run = await sser.startRun('chat')
    run.write('a')
    const items = collectRun(sser.readRun('chat'))
    await settle()
    own.pause(100_000)
    await clock.until('the reader has ended', () => items.at(-1)?.type === 'end')
    expect(runTexts(items)).toEqual(['a', '[lost: process-paused]'])
    expect([run.state, run.stopReason]).toEqual(['failed', 'process-paused'])
    expect(thrown(() => run.write('b')).code).toBe('run-ended')
    await clock.until('a new incarnation', () => sser.isReady)
    expect((await sser.startRun('chat')).id).not.toBe(run.id)
    const stopping = sser.stop()
    await clock.advance(100)
    await stopping
  })
})
