import { afterEach, describe, expect, test, vi } from 'vitest'
import { createFleet, createSser, events } from '../../src/testing.ts'

afterEach(() => void vi.useRealTimers())

describe.each([
  ['the default', {}],
  ['all but queueMicrotask, without which no body of a Request ends,', { toNotFake: ['queueMicrotask'] }],
  ['setTimeout and Date alone, as node:test fakes them,', { toFake: ['setTimeout', 'clearTimeout', 'Date'] }],
  ['setTimeout alone', { toFake: ['setTimeout', 'clearTimeout'] }],
] as const)('with fake timers, %s', (_, config) => {
  test('events arrive without time, and grants end when time passes', async () => {
    vi.useFakeTimers(config as never)
    const sser = await createSser({ authorize: () => ({ expiresAt: Date.now() + 60_000 }) })
    const client = events(await sser.handler(new Request('http://pod/?stream=a')))
    await sser.send('a', 'now')
    expect(await client.nextEvent()).toMatchObject({ data: 'now' })
    await vi.advanceTimersByTimeAsync(59_000)
    expect(client.isClosed).toBe(false)
    await vi.advanceTimersByTimeAsync(2_000)
    await client.closed
    await sser.stop()
  })

  test('a fleet starts, heals and stops', async () => {
    vi.useFakeTimers(config as never)
    const fleet = await createFleet(2, { peerSecret: 'sixteen characters' })
    const client = events(await fleet.pod(1).request('/?stream=a'))
    fleet.partition()
    const { peers } = await fleet.pod(0).sser.send('a', 'late')
    expect(peers).toMatchObject([{ status: 'failed' }])
    fleet.heal()
    let isConnected = false
    const connected = fleet.connected().then(() => {
      isConnected = true
    })
    // Signatures are made in real time: a leap of the fake time can end a request before it is sent.
    while (!isConnected) await vi.advanceTimersByTimeAsync(100)
    await connected
    expect(await client.nextEvent()).toMatchObject({ data: 'late' })
    await fleet.stop()
  })
})

test('fake timers that come and go between two sends are no pause of the process', async () => {
  const sser = await createSser()
  const epoch = sser.stats().epoch
  vi.useFakeTimers({ now: 0 })
  await sser.send('a', '1')
  vi.setSystemTime('2099-01-01')
  await sser.send('a', '2')
  await vi.advanceTimersByTimeAsync(30_000)
  expect(sser.stats().uptimeMs).toBeGreaterThanOrEqual(30_000)
  vi.useRealTimers()
  await sser.send('a', '3')
  expect(sser.stats().uptimeMs).toBeLessThan(60_000)
  expect(sser.stats().epoch).toBe(epoch)
  await sser.stop()
})

test('timers that were set before the fake ones follow them', async () => {
  const sser = await createSser({ heartbeatMs: 15_000 })
  const client = events(await sser.handler(new Request('http://pod/?stream=a')))
  await sser.send('a', '1')
  const { id } = await client.nextEvent()
  vi.useFakeTimers()
  await sser.send('b', '2')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(client.lastEventId).not.toBe(id)
  await sser.stop()
})
