import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { RunReader } from '../support/run-reader.ts'

let reader: RunReader

beforeEach(async () => {
  reader = await RunReader.start()
})
afterEach(() => reader.fleet.stop())

describe('a connection that reads a run', () => {
  it('is closed by disconnect() by its tag, and by the time of its grant', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    const tagged = await reader.client(await reader.respond('chat:42', { tags: ['ann'] }))
    const other = await reader.client(
      await reader.respond('chat:42', { tags: ['bob'], expiresAt: Date.now() + 5_000 }),
    )
    await reader.fleet.clock.advance(1)
    void reader.pod.sser.disconnect({ tag: 'ann' })
    await settle()
    expect(tagged.all.at(-1)).toMatchObject({ event: 'sser-retry', data: '{"reason":"disconnected"}' })
    run.write('to bob')
    await settle()
    expect([tagged.messages, other.messages]).toEqual([[], ['to bob']])
    await reader.fleet.clock.advance(6_000)
    expect(other.all.at(-1)).toMatchObject({ event: 'sser-retry', data: '{"reason":"expired"}' })
    expect(reader.pod.sser.connections).toBe(0)
  })

  it('is not closed by a disconnect of a stream of the same name', async () => {
    await reader.pod.sser.startRun('chat:42')
    const client = await reader.read('run=chat:42')
    void reader.pod.sser.disconnect({ stream: 'chat:42' })
    await settle()
    expect([client.ended, reader.pod.sser.connections]).toEqual([false, 1])
  })

  it('receives heartbeats, and is closed where its client does not read for slowClientTimeoutMs', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    const client = await reader.read('run=chat:42')
    const slow = new Client(await reader.ask('run=chat:42'))
    await slow.read()
    run.write('unread')
    await reader.fleet.clock.advance(90_000)
    expect(client.all.filter(({ event }) => event === 'sser-position').length).toBeGreaterThan(5)
    expect([client.ended, reader.pod.sser.connections]).toEqual([false, 1])
    await slow.cancel()
  })

  it('counts for maxConnections, also while its run is looked for', async () => {
    const small = await RunReader.start({ maxConnections: 1 })
    const { sser } = small.pod
    const looking = small.ask('run=unknown')
    expect((await small.ask('run=unknown')).status).toBe(429)
    await small.fleet.clock.advance(2_100)
    expect((await looking).status).toBe(404)
    const run = await sser.startRun('chat:42')
    const client = await small.client(await small.ask('run=chat:42'))
    expect((await small.ask('run=chat:42')).status).toBe(429)
    run.end()
    await small.fleet.clock.advance(1)
    expect([client.ended, sser.connections]).toEqual([true, 0])
    await small.fleet.stop()
  })

  it('is told to come back when its Pod drains, while the run goes on', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    run.write('a')
    const client = await reader.read('run=chat:42')
    const plain = await reader.client(await reader.respond('chat:42', { dialect: 'plain' }))
    void reader.pod.sser.stop()
    await reader.fleet.clock.advance(1_000)
    expect(client.all.at(-1)).toMatchObject({ event: 'sser-retry', data: '{"reason":"draining"}' })
    // A client in the plain dialect would take the end of the body for the end of the run.
    expect(plain.ended).toBe(false)
    run.write('b')
    run.end()
    await settle()
    expect([plain.messages, plain.ended]).toEqual([['a', 'b'], true])
  })

  it('asks authorize, which hears of the run, and whose tags apply', async () => {
    const asked: unknown[] = []
    const target = await RunReader.start({
      authorize: (_, what) => {
        asked.push(what)
        if (what.run === 'secret') return 'deny'
        return what.run === 'wrong' ? { streams: ['a'] } : { tags: ['ann'] }
      },
    })
    await target.pod.sser.startRun('chat:42')
    expect((await target.ask('run=secret')).status).toBe(403)
    const client = await target.client(await target.ask('run=chat:42'))
    void target.pod.sser.disconnect({ tag: 'ann' })
    await settle()
    expect([client.ended, asked]).toEqual([true, [{ run: 'secret' }, { run: 'chat:42' }]])
    const failed = await target.ask('run=wrong')
    expect([failed.status, failed.headers.get('sser-error')]).toEqual([503, 'authorization-failed'])
    expect(target.pod.errors.map(({ error }) => (error as Error).message)).toEqual([
      'Option "authorize": the function returned streams for a run, expected { expiresAt, tags }',
    ])
    await target.fleet.stop()
  })
})
