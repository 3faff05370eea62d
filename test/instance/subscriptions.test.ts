import { describe, expect, test } from 'vitest'
import type { SubscriptionItem } from '../../src/index.ts'
import { createFleet, createSser, events, ManualClock } from '../../src/testing.ts'
import { parsePosition } from '../../src/wire/position.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'
import { pausable } from '../support/pausable-clock.ts'
import { newSser } from '../support/settings.ts'
import { collect, take, texts, thrown } from '../support/subscriptions.ts'
import { until } from '../support/until.ts'

describe('a subscription', () => {
  test('receives the events that any Pod sends from the call on, with stream, type and id', async () => {
    await using fleet = await createFleet(3)
    await fleet.pod(0).sser.send('orders', 'before')
    const subscription = fleet.pod(1).sser.subscribe(['orders', 'users'])
    const first = await fleet.pod(2).sser.send('orders', 'two coffees')
    await fleet.pod(0).sser.send('users', '{}', { event: 'created' })
    await fleet.pod(0).sser.send('other', 'not wanted')
    const items = await take(subscription, 2)
    expect(items).toEqual([
      { type: 'event', id: expect.any(String), stream: 'orders', event: 'message', data: 'two coffees' },
      { type: 'event', id: expect.any(String), stream: 'users', event: 'created', data: '{}' },
    ])
    expect(items[0]?.id).toContain(first.id.split('-')[0])
  })

  test('takes the name of one stream, and names each stream once', async () => {
    await using sser = await createSser()
    const one = sser.subscribe('a')
    const twice = sser.subscribe(['a', 'a'])
    await sser.send('a', '1')
    await sser.send('a', '2')
    expect(texts(await take(one, 2))).toEqual(['1', '2'])
    expect(texts(await take(twice, 2))).toEqual(['1', '2'])
  })

  test('resumes after an id on another Pod, each event once, and after the id of an HTTP client', async () => {
    await using fleet = await createFleet(2)
    const client = events(await fleet.pod(0).request('/?stream=a'))
    const subscription = fleet.pod(0).sser.subscribe('a')
    for (const data of ['1', '2', '3', '4']) await fleet.pod(0).sser.send('a', data)
    const [, second] = await take(subscription, 2)
    const resumed = fleet.pod(1).sser.subscribe('a', { after: second?.id })
    expect(texts(await take(resumed, 2))).toEqual(['3', '4'])
    await client.take(3)
    const { id } = client.received[2] as { id: string }
    expect(texts(await take(fleet.pod(1).sser.subscribe('a', { after: id }), 1))).toEqual(['4'])
  })

  test('begins with the oldest event of the log', async () => {
    await using sser = await createSser()
    await sser.send('a', '1')
    await sser.send('b', 'not wanted')
    await sser.send('a', '2')
    const subscription = sser.subscribe('a', { after: 'oldest' })
    await sser.send('a', '3')
    expect(texts(await take(subscription, 3))).toEqual(['1', '2', '3'])
  })

  test('has a gap first after an id of another fleet', async () => {
    await using other = await createSser()
    await using sser = await createSser()
    const subscription = sser.subscribe('a', { after: other.position })
    await sser.send('a', '1')
    expect(texts(await take(subscription, 2))).toEqual(['gap: unknown-id', '1'])
  })

  test('waits for start(), and has an id then', async () => {
    const clock = new ManualClock()
    const sser = newSser({ logger: false, clock })
    const items = collect(sser.subscribe('a'))
    const early = collect(sser.subscribe('a', { after: 'oldest' }))
    await settle()
    await sser.start()
    await sser.send('a', '1')
    await settle()
    expect(texts(items)).toEqual(['1'])
    expect(texts(early)).toEqual(['1'])
    const stopped = sser.stop()
    await clock.advance(30_000)
    await stopped
    await items.done
  })

  test('gets a gap when the log has evicted what it did not read, and goes on', async () => {
    await using sser = await createSser({ logMaxBytes: 20_000 })
    const slow = sser.subscribe('a')
    const quiet = sser.subscribe('quiet')
    for (let i = 0; i < 200; i += 1) await sser.send('a', `${i}`.padEnd(200))
    const items = await take(slow, 2)
    expect(items[0]).toMatchObject({ type: 'gap', reason: 'slow-client' })
    const rest = collect(slow)
    await until('the last event', () =>
      rest.some((item) => item.type === 'event' && item.data.startsWith('199')),
    )
    expect(sser.stats().gaps['slow-client']).toBe(1)
    await sser.send('quiet', '1')
    expect(texts(await take(quiet, 1))).toEqual(['1'])
  })

  test('sends a stalled consumer nothing, and holds no events for it', async () => {
    await using sser = await createSser()
    const stalled = sser.subscribe('a')
    const others = [sser.subscribe('a'), sser.subscribe('a')]
    const read = others.map(collect)
    for (let i = 0; i < 2_000; i += 1) await sser.send('a', `${i}`)
    await until('the others have all', () => read.every(({ length }) => length === 2_000))
    expect(sser.stats().subscriptions.received).toBe(4_000)
    const late = await take(stalled, 2_000)
    expect(texts(late)).toEqual(texts(read[0] as SubscriptionItem[]))
  })

  test('answers calls of next() that do not wait for each other in their order', async () => {
    await using sser = await createSser()
    const subscription = sser.subscribe('a')
    const calls = [subscription.next(), subscription.next(), subscription.next()]
    for (const data of ['1', '2', '3']) await sser.send('a', data)
    const items = await Promise.all(calls)
    expect(items.map(({ value }) => value?.type === 'event' && value.data)).toEqual(['1', '2', '3'])
  })

  test('answers a call of next() that was made earlier before one that is made in an answer', async () => {
    await using sser = await createSser()
    const subscription = sser.subscribe('a')
    const order: string[] = []
    const call = (name: string) =>
      subscription.next().then(({ value }) => void order.push(`${name} ${value && texts([value])}`))
    const calls = [subscription.next().then(() => call('third')), call('second')]
    for (const msg of ['1', '2', '3']) void sser.send('a', msg)
    await Promise.all(calls)
    expect(order).toEqual(['second 2', 'third 3'])
  })

  test('shares its items with the subscriptions of the same streams, frozen', async () => {
    await using sser = await createSser()
    const subscriptions = Array.from({ length: 100 }, () => sser.subscribe(['a', 'b']))
    const first = subscriptions.map((subscription) => subscription.next())
    await sser.send('b', 'x')
    const items = (await Promise.all(first)).map(({ value }) => value)
    expect(new Set(items).size).toBe(1)
    expect(Object.isFrozen(items[0])).toBe(true)
  })

  test('leaves turns of the event loop to others while it reads a long log', async () => {
    await using sser = await createSser()
    for (let i = 0; i < 4_000; i += 1) void sser.send('a', `${i}`.padEnd(400))
    const items = collect(sser.subscribe('a', { after: 'oldest' }))
    let turns = 0
    while (items.length < 4_000) {
      await new Promise((resolve) => setImmediate(resolve))
      turns += 1
    }
    expect(turns).toBeGreaterThan(3)
    expect(new Set(texts(items)).size).toBe(4_000)
  })
})

describe('a subscription ends', () => {
  test('when its loop is left, and with it the count', async () => {
    await using sser = await createSser()
    const subscription = sser.subscribe('a')
    expect(sser.stats().subscriptions).toMatchObject({ open: 1, opened: 1, closed: 0 })
    await sser.send('a', '1')
    for await (const item of subscription) {
      expect(item).toMatchObject({ data: '1' })
      break
    }
    expect(sser.stats().subscriptions).toEqual({ open: 0, opened: 1, closed: 1, received: 1 })
    expect(await subscription.next()).toEqual({ done: true, value: undefined })
  })

  test('by return() while next() is pending, and throw() rejects', async () => {
    await using sser = await createSser()
    const subscription = sser.subscribe('a')
    const pending = [subscription.next(), subscription.next()]
    expect(await subscription.return()).toEqual({ done: true, value: undefined })
    expect(await Promise.all(pending)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
    const thrownInto = sser.subscribe('a')
    await expect(thrownInto.throw(new Error('no more'))).rejects.toThrow('no more')
    expect(await thrownInto.next()).toEqual({ done: true, value: undefined })
    expect(sser.stats().subscriptions.open).toBe(0)
  })

  test('at once when its signal aborts, before the call or during the loop', async () => {
    await using sser = await createSser()
    expect(await sser.subscribe('a', { signal: AbortSignal.abort() }).next()).toMatchObject({ done: true })
    const abort = new AbortController()
    const items = collect(sser.subscribe('a', { signal: abort.signal }))
    await sser.send('a', '1')
    await settle()
    abort.abort()
    await items.done
    expect(texts(items)).toEqual(['1'])
    const unread = sser.subscribe('a', { signal: AbortSignal.any([]) })
    await unread[Symbol.asyncDispose]()
    expect(sser.stats().subscriptions).toMatchObject({ open: 0, opened: 3 })
  })

  test('when the instance stops, with all events until then, before the requests in flight', async () => {
    const sser = await createSser()
    const slow = sser.subscribe('a')
    const items = collect(sser.subscribe('a'))
    void sser.send('a', '1')
    void sser.send('a', '2')
    let endedBefore = false
    await sser.stop({
      beforeFlush: async () => {
        await items.done
        endedBefore = true
      },
    })
    expect(endedBefore).toBe(true)
    expect(texts(items)).toEqual(['1', '2'])
    expect(texts(await take(slow, 9))).toEqual(['1', '2'])
    expect(thrown(() => sser.subscribe('a')).code).toBe('stopped')
    const never = newSser({ logger: false })
    const waiting = collect(never.subscribe('a'))
    await never.stop()
    await waiting.done
  })

  test('never by a pause of the process: it continues after its last event in the new incarnation', async () => {
    const { fleet, one, two, pause } = await startPausable()
    const { clock } = fleet
    const items = collect(one.subscribe('a'))
    const unread = one.subscribe('a')
    await clock.until('the link is up', () => two.peers.every(({ state }) => state !== 'connecting'))
    void two.send('a', '1')
    await clock.until('the first event', () => items.length === 1)
    const { epoch } = one.stats()
    pause(100_000)
    void two.send('a', '2')
    await clock.until('a new incarnation', () => one.stats().epoch !== epoch && one.isReady)
    void two.send('a', '3')
    await clock.until('the last event', () => texts(items).includes('3'))
    expect(texts(items)).toEqual(['1', '2', '3'])
    expect(texts(await take(unread, 3))).toEqual(['1', '2', '3'])
    await fleet.stop()
    await items.done
  })

  test('a gap that was not read before a pause comes after it', async () => {
    const { fleet, one, pause } = await startPausable()
    const { id } = await one.send('a', '1')
    void one.send('a', '2')
    await fleet.clock.advance(400_000)
    const loop = one.subscribe('a', { after: id })
    const { epoch } = one.stats()
    pause(100_000)
    await fleet.clock.until('a new incarnation', () => one.stats().epoch !== epoch && one.isReady)
    expect(await loop.next()).toMatchObject({ value: { type: 'gap', reason: 'trimmed' } })
    await fleet.stop()
  })

  test('an event that is read right after a long pause has an id of use', async () => {
    const { fleet, one, two, pause } = await startPausable()
    const loop = one.subscribe('a')
    await fleet.clock.until('the link is up', () => two.peers.every(({ state }) => state !== 'connecting'))
    void two.send('a', '1')
    await fleet.clock.advance(1_000)
    pause(1_000_000)
    const { value } = await loop.next()
    expect(value).toMatchObject({ type: 'event', data: '1' })
    expect([...(parsePosition(value?.id ?? '', 2_048)?.keys() ?? [])]).toHaveLength(2)
    await fleet.stop()
  })
})

/** Two Pods, of which the process of the first one can stand still. */
async function startPausable() {
  const fleet = new Fleet(2)
  const { clock, pause } = pausable(fleet.clock)
  const one = fleet.replace(0, { clock }).sser
  await fleet.start(...fleet.pods)
  return { fleet, one, two: fleet.pod(1).sser, pause }
}
