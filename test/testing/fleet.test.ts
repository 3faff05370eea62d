import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { StaticPeerFinder } from '../../src/index.ts'
import { createFleet, createSser, events, ManualClock } from '../../src/testing.ts'

test('an event that one Pod sends reaches the clients of all Pods, without a port', async () => {
  await using fleet = await createFleet(3)
  const clients = await Promise.all(fleet.pods.map(async (pod) => events(await pod.request('/?stream=a'))))
  const { peers } = await fleet.pod(2).sser.send('a', 'hello')
  expect(peers).toEqual([
    { peer: 'pod-0:7000', status: 'delivered' },
    { peer: 'pod-1:7000', status: 'delivered' },
  ])
  for (const client of clients) expect(await client.nextEvent()).toMatchObject({ data: 'hello' })
})

test('signed requests pass as well', async () => {
  await using fleet = await createFleet(2, { peerSecret: 'sixteen characters' })
  const { peers } = await fleet.pod(0).sser.send('a', 'hello')
  expect(peers).toEqual([{ peer: 'pod-1:7000', status: 'delivered' }])
})

test('the app of a Pod answers its requests, and is made again at a restart', async () => {
  let apps = 0
  await using fleet = await createFleet(2, {
    app: (sser) => {
      apps += 1
      return new Hono().route('/events', sser.routes).get('/hello', (c) => c.text(c.req.header('x') ?? ''))
    },
  })
  const response = await fleet.pod(1).request('/hello', { headers: { x: 'from a test' } })
  expect(await response.text()).toBe('from a test')
  await fleet.pod(1).restart()
  expect(apps).toBe(3)
  expect(await fleet.pod(1).request(new Request('http://any/events?stream=a'))).toMatchObject({ status: 200 })
})

test('a killed Pod ends its streams, its client resumes elsewhere, and a restart fetches the log', async () => {
  await using fleet = await createFleet(3)
  const [first, second] = [fleet.pod(0), fleet.pod(1)]
  const client = events(await first.request('/?stream=a'))
  await second.sser.send('a', 'before')
  const before = await client.nextEvent()
  first.kill()
  await client.closed
  await expect(first.request('/?stream=a')).rejects.toThrow('fetch failed')
  await expect(first.sser.send('a', 'x')).rejects.toMatchObject({ code: 'stopped' })
  const { peers } = await second.sser.send('a', 'meanwhile')
  expect(peers).toEqual([
    { peer: 'pod-0:7000', status: 'failed', reason: 'fetch failed: connect ECONNREFUSED pod-0' },
    { peer: 'pod-2:7000', status: 'delivered' },
  ])
  await first.restart()
  const headers = { 'last-event-id': before.id }
  const resumed = events(await first.request('/?stream=a', { headers }))
  expect(await resumed.nextEvent()).toMatchObject({ event: 'message', data: 'meanwhile' })
})

describe('a partition', () => {
  test('fails receipts between the groups, and what was sent arrives after it', async () => {
    await using fleet = await createFleet(3)
    const client = events(await fleet.pod(2).request('/?stream=a'))
    fleet.partition([0, 1])
    const { peers } = await fleet.pod(0).sser.send('a', 'late')
    expect(peers.map(({ status }) => status)).toEqual(['delivered', 'failed'])
    expect(client.received).toEqual([])
    fleet.heal()
    await fleet.connected()
    expect(await client.nextEvent()).toMatchObject({ data: 'late' })
  })

  test('rejects an index outside the fleet', async () => {
    await using fleet = await createFleet(2)
    expect(() => fleet.partition([0], [2])).toThrow('fleet.pod(): expected 0 to 1, got 2')
  })
})

test('with a manual clock no real time passes while links retry, and the log forgets', async () => {
  const clock = new ManualClock()
  await using fleet = await createFleet(2, { clock, logMaxAgeMs: 60_000 })
  const client = events(await fleet.pod(0).request('/?stream=a'))
  await fleet.pod(0).sser.send('a', '1')
  const { id } = await client.nextEvent()
  fleet.pod(0).kill()
  await fleet.pod(1).sser.send('a', 'forgotten')
  await clock.advance(61_000)
  await fleet.pod(0).restart()
  await fleet.connected()
  const headers = { 'last-event-id': id }
  const resumed = events(await fleet.pod(0).request('/?stream=a', { headers }))
  expect(await resumed.nextEvent()).toMatchObject({ event: 'sser-gap', gap: 'trimmed' })
})

test('rejects a size that is no number of Pods', async () => {
  await expect(createFleet(0)).rejects.toThrow('createFleet(): expected 1 to 100 Pods, got 0')
  await expect(createFleet(1, null as never)).rejects.toThrow('expected an object of options, got null')
})

test('a peerFinder is refused, because instances for tests find their peers in memory', async () => {
  const options = { peerFinder: new StaticPeerFinder([]) }
  for (const made of [createSser(options as object), createFleet(2, options as object)])
    await expect(made).rejects.toThrow(/^Option "peerFinder": .*createFleet\(size\)/)
})
