import { describe, expect, test } from 'vitest'
import { settle } from '../support/clock.ts'
import { entriesOf } from '../support/entries.ts'
import { newRuns, openReader, readAll } from '../support/run-peers.ts'
import { thrown } from '../support/subscriptions.ts'

describe('the handle of a run', () => {
  test('refuses what is no chunk, and writes nothing for it', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    expect(thrown(() => run.write('')).code).toBe('empty-message')
    expect(thrown(() => run.write('x'.repeat(60_001))).code).toBe('message-too-large')
    const fault = thrown(() => run.write(7 as never))
    expect([fault.code, fault.message]).toEqual(['invalid-message', expect.stringContaining('run.write()')])
    expect(thrown(() => run.fail(new Error('x') as never)).code).toBe('invalid-argument')
    expect([run.chunks, run.state]).toEqual([0, 'running'])
  })

  test('refuses a chunk after the end, and ignores a second end', async () => {
    const { runs, errors } = newRuns()
    const run = await runs.start('chat', false)
    run.write('a')
    run.end()
    run.fail('late')
    run.end()
    expect(thrown(() => run.write('b')).code).toBe('run-ended')
    expect([run.state, run.chunks, await run.closed]).toEqual(['ended', 1, { state: 'ended', chunks: 1 }])
    expect(errors).toEqual([])
  })

  test('joins the halves of a surrogate pair that are written apart', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    const { reader } = await openReader(runs)
    for (const text of ['a\ud83d', '\ude00b', '\ud83d', '\ude00', '\ud83d', 'c', '\ud83d']) run.write(text)
    run.end()
    expect(readAll(reader)).toEqual(['a', '😀b', '😀', '\ufffdc', '\ufffd', '[ended]'])
  })

  test('tells readers the first 200 characters of a reason', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    run.fail(`${'r'.repeat(199)}😀`)
    expect((await run.closed).reason).toBe(`${'r'.repeat(199)}\ufffd`)
  })

  test('counts the Pods that hold the chunks: at once where all holders do, else after the wait', async () => {
    const { runs, peers, clock } = newRuns()
    const run = await runs.start('chat', false)
    run.write('a')
    expect(await run.flush()).toBe(0)
    peers.holders = 2
    const flushed: number[] = []
    void run.flush().then((count) => flushed.push(count))
    await clock.advance(500)
    expect(flushed).toEqual([])
    peers.heldUpTo = 1
    run.write('b')
    await clock.advance(100)
    expect(flushed).toEqual([2])
    void run.flush().then((count) => flushed.push(count))
    await clock.advance(1_100)
    expect(flushed).toEqual([2, 0])
  })
})

describe('a cancellation', () => {
  test('aborts the signal, and the next end becomes cancelled', async () => {
    const { runs, clock } = newRuns()
    const run = await runs.start('chat', false)
    expect(runs.cancelOwn(run.id)).toBe('cancelled')
    expect(runs.cancelOwn(run.id)).toBe('cancelled')
    expect([run.signal.aborted, run.signal.reason.name, run.stopReason]).toEqual([
      true,
      'AbortError',
      'cancelled',
    ])
    run.write('[stopped]')
    run.fail('aborted')
    expect(await run.closed).toEqual({ state: 'cancelled', reason: 'aborted', chunks: 1 })
    expect(runs.cancelOwn(run.id)).toBe('not-running')
    await clock.advance(10_000)
    expect(runs.running).toBe(0)
  })

  test('ends a run that nothing ends within 5 s', async () => {
    const { runs, clock } = newRuns()
    const run = await runs.start('chat', false)
    runs.cancelOwn(run.id)
    await clock.advance(4_900)
    expect(run.state).toBe('running')
    await clock.advance(200)
    expect(run.state).toBe('cancelled')
    expect(thrown(() => run.write('late')).message).toContain('cancelled')
  })

  test('comes too late for a run that has ended', async () => {
    const { runs } = newRuns()
    const run = await runs.start('chat', false)
    run.end()
    expect(runs.cancelOwn(run.id)).toBe('not-running')
    expect([run.signal.aborted, run.state]).toEqual([false, 'ended'])
  })

  test('that comes through the log aborts the signal', async () => {
    const { runs, log, clock } = newRuns()
    const run = await runs.start('chat', false)
    run.signal.addEventListener('abort', () => run.end())
    log.append('aaaaa', { run: { cancel: run.id } }, clock.now(), clock.now())
    await settle()
    expect(run.state).toBe('cancelled')
    expect(entriesOf(log).map((entry) => entry.kind === 'run' && Object.keys(entry.run)[0])).toEqual([
      'start',
      'cancel',
      'end',
    ])
  })
})
