import { describe, expect, it } from 'vitest'
import type { Connection } from '../../src/delivery/connection.ts'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'
import { within } from '../support/until.ts'

/** Without connections the hub holds nothing. */
function expectNothingHeld(pod: Listening) {
  expect(pod.incarnation.hub.size).toBe(0)
  expect([...pod.incarnation.hub.registry.streams]).toEqual([])
  expect(pod.clock.timers).toBe(0)
}

describe('heartbeats', () => {
  it('reach every connection once a period, spread over it', async () => {
    const pod = new Listening({ heartbeatMs: 15_000 })
    const clients = Array.from({ length: 30 }, () => pod.connect('a'))
    await pod.clock.advance(0)
    const beats = () => clients.map(({ all }) => all.length - 1)
    await pod.clock.advance(7_500)
    const early = beats().filter((count) => count === 1).length
    expect(early).toBeGreaterThan(5)
    expect(early).toBeLessThan(25)
    await pod.clock.advance(7_500)
    expect(new Set(beats())).toEqual(new Set([1]))
    await pod.clock.advance(9 * 15_000)
    expect(new Set(beats())).toEqual(new Set([10]))
  })

  it('move the client’s id past the events of other streams', async () => {
    const pod = new Listening()
    const client = pod.connect('quiet')
    await settle()
    const before = client.lastEventId
    for (let i = 0; i < 5; i += 1) pod.send('loud', 'x')
    await pod.clock.advance(15_000)
    expect(client.events).toEqual([])
    expect(client.lastEventId).not.toBe(before)
    expect(client.lastEventId).toContain(`${pod.incarnation.log.epoch}6-`)
    const resumed = pod.open(['loud'], client.lastEventId).flow()
    await settle()
    expect(resumed.messages).toEqual([])
    expect(resumed.gaps).toEqual([])
  })

  it('never move the id past events that are not delivered yet', async () => {
    const pod = new Listening({ heartbeatMs: 1_500 })
    // Sent at the time of the first heartbeat, when the delivery has served a thousand connections, and not the last one.
    pod.clock.after(100, () => pod.send('a', 'x'))
    for (let i = 0; i < 3_000; i += 1)
      pod.join(['a'], (_, connection) => queueMicrotask(() => pod.incarnation.hub.pull(connection)))
    const client = pod.connect('a')
    await pod.clock.advance(100)
    expect(client.all.map(({ event, data }) => event ?? data)).toEqual([
      'sser-position',
      'sser-position',
      'x',
    ])
    const { epoch } = pod.incarnation.log
    expect(client.all.map(({ id }) => id?.split('-')[0])).toEqual([`${epoch}1`, `${epoch}1`, `${epoch}2`])
  })

  it('have no id with resume: false', async () => {
    const pod = new Listening({ resume: false })
    const client = pod.connect('a')
    await pod.clock.advance(15_000)
    pod.send('a', 'x')
    await settle()
    expect(client.all).toEqual([
      { event: 'sser-position', id: undefined, data: '{"resumed":false}' },
      { event: 'sser-position', id: undefined, data: '{}' },
      { event: undefined, id: undefined, data: 'x' },
    ])
    expect(client.errors).toEqual([])
  })

  it('are not written to a client that does not read', async () => {
    const pod = new Listening()
    const client = pod.open(['a'])
    await client.read()
    await pod.clock.advance(60_000)
    const next = client.read()
    pod.send('a', 'x')
    await next
    expect(client.all.map(({ event, data }) => event ?? data)).toEqual(['sser-position', 'x'])
  })
})

describe('the hub leaves nothing behind after', () => {
  it('a response that is never read, as for HEAD or after a late throw', async () => {
    const pod = new Listening()
    const body = pod.body(['a'])
    pod.send('a', 'x')
    await settle()
    expectNothingHeld(pod)
    await body.cancel()
    expectNothingHeld(pod)
  })

  it('a client that disconnects while idle', async () => {
    const pod = new Listening()
    const client = pod.connect('a', 'b')
    await settle()
    expect([pod.incarnation.hub.size, pod.incarnation.hub.registry.listeners('a'), pod.clock.timers]).toEqual(
      [1, 1, 1],
    )
    await client.cancel()
    expectNothingHeld(pod)
  })

  it('a client that disconnects while it is behind', async () => {
    const pod = new Listening()
    const client = pod.open(['a'])
    await client.read()
    pod.send('a', 'x')
    await settle()
    await client.cancel()
    pod.send('a', 'y')
    await settle()
    expectNothingHeld(pod)
    expect(pod.errors).toEqual([])
  })

  it('a client that disconnects before its first bytes', async () => {
    const pod = new Listening()
    await pod.open(['a']).cancel()
    expectNothingHeld(pod)
  })

  it('a client that disconnects between an event and its delivery', async () => {
    const pod = new Listening()
    const [going, staying] = [pod.connect('a'), pod.connect('a')]
    await settle()
    pod.send('a', 'x')
    await Promise.all([going.cancel(), settle()])
    expect(staying.messages).toEqual(['x'])
    expect(pod.errors).toEqual([])
    await staying.cancel()
    expectNothingHeld(pod)
  })
})

describe('a hub', () => {
  it('counts its connections by stream', async () => {
    const pod = new Listening()
    const clients = [pod.connect('a'), pod.connect('a', 'b')]
    await settle()
    const { hub } = pod.incarnation
    expect([
      hub.size,
      hub.registry.listeners('a'),
      hub.registry.listeners('b'),
      hub.registry.listeners('c'),
    ]).toEqual([2, 2, 1, 0])
    await clients[1]?.cancel()
    expect([hub.size, hub.registry.listeners('a'), hub.registry.listeners('b')]).toEqual([1, 1, 0])
    expect([...hub.registry.streams]).toEqual(['a'])
  })

  it('encodes an event once for connections that name the same streams in another order', async () => {
    const pod = new Listening()
    const chunks: Uint8Array[] = []
    const orders = [
      ['a', 'b', 'c'],
      ['c', 'a', 'b'],
      ['b', 'a'],
    ]
    const connections = orders.map((streams) => pod.join(streams, (chunk) => chunks.push(chunk)))
    await settle()
    for (const connection of connections) pod.incarnation.hub.pull(connection)
    chunks.length = 0
    pod.send('b', 'x')
    pod.send('a', 'y')
    await settle()
    expect(chunks).toHaveLength(3)
    expect(chunks[1]).toBe(chunks[0])
    expect(chunks[2]).toBe(chunks[0])
  })

  it('delivers to 50,000 connections without a long turn of the event loop', async () => {
    const size = 50_000
    const pod = new Listening({ maxConnections: size })
    let served = 0
    let isCounting = false
    for (let i = 0; i < size; i += 1) {
      pod.join(['a'], (_, connection) => {
        if (isCounting) served += 1
        else queueMicrotask(() => pod.incarnation.hub.pull(connection))
      })
    }
    await settle()
    isCounting = true
    pod.send('a', 'x')
    const steps: number[] = []
    // Another task that runs in every turn of the event loop during the delivery.
    const watch = () => {
      steps.push(served)
      if (served < size) pod.clock.after(0, watch)
    }
    pod.clock.after(0, watch)
    await pod.clock.advance(0)
    expect(served).toBe(size)
    const goes = steps.map((count, i) => count - (steps[i - 1] ?? 0))
    expect(Math.max(...goes)).toBeLessThanOrEqual(2_000)
    expect(steps.length).toBeGreaterThan(25)
  })

  it('delivers events that were sent during a long delivery to all, in order', async () => {
    const pod = new Listening()
    const chunks = new Map<Connection, string>()
    const decoder = new TextDecoder()
    const take = (chunk: Uint8Array, connection: Connection) => {
      chunks.set(connection, (chunks.get(connection) ?? '') + decoder.decode(chunk))
      queueMicrotask(() => pod.incarnation.hub.pull(connection))
    }
    for (let i = 0; i < 2_500; i += 1) pod.join(['a'], take)
    await settle()
    pod.send('a', '1')
    await Promise.resolve()
    pod.send('a', '2')
    const late = pod.connect('a')
    await settle()
    await pod.clock.advance(0)
    pod.send('a', '3')
    await settle()
    await pod.clock.advance(0)
    const seen = [...chunks.values()].map((text) => [...text.matchAll(/^data: (\d+)$/gm)].map((m) => m[1]))
    expect(new Set(seen.map(String))).toEqual(new Set(['1,2,3']))
    expect(late.messages).toEqual(['3'])
  })

  it('keeps delivering to the others when a connection breaks', async () => {
    const pod = new Listening({ heartbeatMs: 1_500 })
    const before = pod.connect('a')
    await settle()
    let isBroken = false
    pod.join(['a'], (_, connection) => {
      if (isBroken) throw new TypeError('The controller is closed')
      queueMicrotask(() => pod.incarnation.hub.pull(connection))
    })
    const after = pod.connect('a')
    await settle()
    isBroken = true
    for (const msg of ['1', '2', '3']) {
      pod.send('a', msg)
      await settle()
      expect([before.messages.at(-1), after.messages.at(-1)]).toEqual([msg, msg])
    }
    expect(pod.errors).toHaveLength(1)
    expect(pod.incarnation.hub.size).toBe(2)
  })

  it('keeps running when a connection breaks at its heartbeat', async () => {
    const pod = new Listening({ heartbeatMs: 1_500 })
    let isBroken = false
    pod.join(['a'], (_, connection) => {
      if (isBroken) throw new TypeError('The controller is closed')
      queueMicrotask(() => pod.incarnation.hub.pull(connection))
    })
    const others = Array.from({ length: 20 }, () => pod.connect('a'))
    await settle()
    isBroken = true
    await pod.clock.advance(3_000)
    expect(new Set(others.map(({ all }) => all.length))).toEqual(new Set([3]))
    expect(pod.errors).toHaveLength(1)
    expect(pod.incarnation.hub.size).toBe(20)
  })

  it('ends every connection when it closes, also slow and later ones', async () => {
    const pod = new Listening()
    const reading = pod.connect('a')
    const stalled = pod.open(['a'])
    await stalled.read()
    const unread = pod.open(['a'])
    pod.send('a', 'x')
    await settle()
    pod.incarnation.hub.close()
    pod.incarnation.hub.close()
    await settle()
    expect(reading.ended).toBe(true)
    expectNothingHeld(pod)
    for (const client of [stalled, unread]) {
      client.flow()
      await settle()
      expect(client.ended).toBe(true)
      expect(client.errors).toEqual([])
    }
    expect(pod.errors).toEqual([])
    expectNothingHeld(pod)
    await within('a cancel after the end', stalled.cancel())
  })
})
