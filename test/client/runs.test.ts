import { describe, expect, it } from 'vitest'
import type { ConnectOptions } from '../../src/client/options.ts'
import type { RunOptions } from '../../src/client/run.ts'
import { connected } from '../support/connected-client.ts'

const START = 'event: sser-position\nretry: 2000\ndata: {"resumed":false}\n\n'
const chunk = (text: string, id: string) => `data: ${text}\nid: ${id}.x7Q\n\n`
const block = (event: string, data = '{}', id?: string) =>
  `event: ${event}\ndata: ${data}\n${id === undefined ? '' : `id: ${id}\n`}\n`
const END = (state: string, reason?: string) =>
  block('sser-end', JSON.stringify({ state, reason }), '2.x7Q.end')

/** A loop over the run `chat:42`, and all that it brings. */
async function reading(options: RunOptions<string> = {}, connect: ConnectOptions = {}) {
  const fixture = connected(connect)
  const run = fixture.client.run('chat:42', options)
  const chunks: string[] = []
  const statuses: string[] = []
  run.state.subscribe(({ status }) => statuses.push(status))
  const loop = (async () => {
    for await (const text of run) chunks.push(text)
    return 'done'
  })().catch((error: unknown) => error)
  await fixture.clock.advance(0)
  return { ...fixture, run, chunks, statuses, loop }
}

describe('a run', () => {
  it('is read from its first chunk to its end, on a connection of its own', async () => {
    const { endpoint, clock, run, chunks, statuses, loop } = await reading()
    expect(endpoint.last.url.search).toBe('?run=chat%3A42')
    expect(endpoint.last.lastEventId).toBeNull()
    endpoint.last.open(START + chunk('Hel', '0') + chunk('lo', '1') + END('ended')).end()
    await clock.advance(60_000)
    expect(await loop).toBe('done')
    expect(chunks).toEqual(['Hel', 'lo'])
    expect(statuses).toEqual(['connecting', 'running', 'ended'])
    expect(run.state.get()).toEqual({ status: 'ended', reason: undefined })
    expect(endpoint.requests).toHaveLength(1)
    expect(clock.timers).toBe(0)
  })

  it('goes on after the last chunk where its connection breaks, or a Pod drains', async () => {
    const { endpoint, clock, chunks, statuses, loop } = await reading()
    endpoint.last.open(START + chunk('a', '0')).end()
    await clock.advance(2_000)
    expect(endpoint.last.lastEventId).toBe('0.x7Q')
    endpoint.last.open(START + chunk('b', '1') + END('ended')).end()
    await clock.advance(0)
    expect(await loop).toBe('done')
    expect(chunks).toEqual(['a', 'b'])
    expect(statuses).toEqual(['connecting', 'running', 'recovering', 'running', 'ended'])
  })

  it('has ended where a reconnect is answered 204', async () => {
    const { endpoint, clock, run, loop } = await reading()
    endpoint.last.open(START + chunk('a', '0')).fail()
    await clock.advance(2_000)
    endpoint.last.answer(204)
    await clock.advance(60_000)
    expect(await loop).toBe('done')
    expect(run.state.get().status).toBe('ended')
    expect(endpoint.requests).toHaveLength(2)
  })

  it('shows that its producer is out of reach, and that it is back', async () => {
    const { endpoint, clock, statuses } = await reading()
    endpoint.last.open(START + block('sser-interrupted') + block('sser-resumed'))
    await clock.advance(0)
    expect(statuses).toEqual(['connecting', 'running', 'interrupted', 'running'])
  })

  it.each([
    ['failed', 'run-failed', 'the run "chat:42" failed: no money'],
    ['lost', 'run-lost', 'the run "chat:42" was lost: no money'],
    ['exploded', 'run-failed', 'the run "chat:42" failed: no money'],
  ])('throws where it ends as %s, after its chunks', async (state, code, message) => {
    const { endpoint, clock, chunks, run, loop } = await reading()
    endpoint.last.open(START + chunk('a', '0') + END(state, 'no money')).end()
    await clock.advance(0)
    expect(await loop).toMatchObject({ code, message })
    expect(chunks).toEqual(['a'])
    expect(run.state.get()).toMatchObject({
      status: state === 'lost' ? 'lost' : 'failed',
      reason: 'no money',
    })
  })

  it('ends its loop where it is cancelled, by the endpoint of the application', async () => {
    const cancelled: string[] = []
    const { endpoint, clock, run, loop } = await reading({}, { cancelRun: (name) => cancelled.push(name) })
    endpoint.last.open(START)
    await run.cancel()
    endpoint.last.write(END('cancelled', 'by the user'))
    await clock.advance(0)
    expect(await loop).toBe('done')
    expect(cancelled).toEqual(['chat:42'])
    expect(run.state.get()).toEqual({ status: 'cancelled', reason: 'by the user' })
  })

  it('names the option that cancel() needs', async () => {
    const { run } = await reading()
    await expect(run.cancel()).rejects.toThrow('expected the option cancelRun of connect()')
  })

  it('throws where chunks are missing, unless there is an onGap', async () => {
    const strict = await reading()
    strict.endpoint.last.open(START + block('sser-gap', '{"reason":"trimmed"}', '') + chunk('b', '1'))
    await strict.clock.advance(0)
    expect(await strict.loop).toMatchObject({
      code: 'gap',
      message: 'the run "chat:42" lacks chunks: trimmed',
    })
    expect(strict.chunks).toEqual([])

    const reasons: string[] = []
    const lenient = await reading({ onGap: ({ reason }) => reasons.push(reason) })
    lenient.endpoint.last.open(
      START + block('sser-gap', '{"reason":"trimmed"}', '') + chunk('b', '1') + END('ended'),
    )
    await lenient.clock.advance(0)
    expect(await lenient.loop).toBe('done')
    expect({ reasons, chunks: lenient.chunks }).toEqual({ reasons: ['trimmed'], chunks: ['b'] })
  })

  it('throws where the server refuses it', async () => {
    const { endpoint, clock, run, loop } = await reading()
    endpoint.last.answer(404, 'There is no run "chat:42"', { 'sser-error': 'unknown-run' })
    await clock.advance(0)
    expect(await loop).toMatchObject({ code: 'refused', status: 404, reason: 'unknown-run' })
    expect(run.state.get().status).toBe('stopped')
  })

  it('ends its connection where the loop is left, and where the client is closed', async () => {
    for (const way of ['leave', 'close']) {
      const { endpoint, clock, client } = connected()
      const iterator = client.run('a')[Symbol.asyncIterator]()
      await clock.advance(0)
      endpoint.last.open(START + chunk('a', '0'))
      await clock.advance(0)
      if (way === 'leave') await iterator.return?.()
      else client.close()
      await clock.advance(0)
      expect(endpoint.last.isAborted).toBe(true)
      if (way === 'close') expect(await iterator.next()).toEqual({ done: false, value: 'a' })
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
    }
  })

  it('is not read further than its loop, and no silence is reported meanwhile', async () => {
    const { endpoint, clock, client } = connected({ heartbeatMs: 1_000 })
    const iterator = client.run('a')[Symbol.asyncIterator]()
    await clock.advance(0)
    endpoint.last.open(START)
    for (let n = 0; n < 100; n += 1) endpoint.last.write(chunk(`${n}`, n.toString(36)))
    await clock.advance(60_000)
    // The chunk that was being read, and what a stream holds by itself.
    expect(endpoint.last.pending).toBeGreaterThan(90)
    expect(endpoint.requests).toHaveLength(1)
    for (let n = 0; n < 100; n += 1) expect(await iterator.next()).toEqual({ done: false, value: `${n}` })
  })

  it('parses its chunks where it is asked to', async () => {
    const { endpoint, clock, client } = connected()
    const run = client.run('a', { parse: (text) => JSON.parse(text) as { n: number } })
    const iterator = run[Symbol.asyncIterator]()
    await clock.advance(0)
    endpoint.last.open(START + chunk('{"n":1}', '0') + chunk('{no', '1'))
    await clock.advance(0)
    const first = await iterator.next()
    expect(first.value?.n).toBe(1)
    await expect(iterator.next()).rejects.toMatchObject({ code: 'invalid-payload' })
  })
})
