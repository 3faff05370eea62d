import { describe, expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { answerLost, duplicated, Fleet, hung, late, refused } from '../support/fleet.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

/** A fleet, and a client of the stream `a` on each Pod. */
async function fleetWithClients(size: number, settings?: ConstructorParameters<typeof Fleet>[1]) {
  const fleet = await Fleet.of(size, settings)
  const clients = fleet.pods.map((pod) => pod.connect('a'))
  await settle()
  return { fleet, clients, messages: () => clients.map(({ messages }) => messages) }
}

describe('a fleet', () => {
  it('delivers an event of any Pod once to the clients of all', async () => {
    const { fleet, messages } = await fleetWithClients(3)
    for (const n of numbers(1, 30)) await fleet.pod(Number(n) % 3).sser.send('a', n, { event: 'order' })
    expect(messages()).toEqual([numbers(1, 30), numbers(1, 30), numbers(1, 30)])
  })

  it('counts the connections on this Pod in the receipt, and names all other Pods', async () => {
    const { fleet } = await fleetWithClients(3)
    const receipt = await fleet.pod(1).sser.send('a', 'x')
    expect(receipt).toEqual({
      id: expect.stringMatching(/^[0-9A-Za-z]{6,}-...$/),
      duplicate: false,
      connections: 1,
      peers: [
        { peer: fleet.host(0), status: 'delivered' },
        { peer: fleet.host(2), status: 'delivered' },
      ],
    })
    expect((await fleet.pod(1).sser.send('nobody', 'x')).connections).toBe(0)
  })

  it('reports pending for a Pod that responds too late, which still gets the event', async () => {
    const { fleet, messages } = await fleetWithClients(3)
    fleet.link(0, 1, hung)
    const sending = fleet.pod(0).sser.send('a', 'x')
    await fleet.clock.advance(999)
    expect(messages()).toEqual([['x'], [], ['x']])
    await fleet.clock.advance(1)
    expect((await sending).peers).toEqual([
      { peer: fleet.host(1), status: 'pending', reason: 'no answer within 1000 ms' },
      { peer: fleet.host(2), status: 'delivered' },
    ])
    fleet.heal()
    await fleet.clock.advance(10_000)
    expect(messages()[1]).toEqual(['x'])
  })

  it('names an unavailable Pod, which gets the event when it is back', async () => {
    const { fleet, messages } = await fleetWithClients(3)
    fleet.cut(0, 1)
    fleet.cut(1, 2)
    const { peers } = await fleet.pod(0).sser.send('a', 'x')
    expect(peers[0]).toEqual({
      peer: fleet.host(1),
      status: 'failed',
      reason: 'fetch failed: connect ECONNREFUSED',
    })
    await fleet.clock.advance(60_000)
    expect(messages()).toEqual([['x'], [], ['x']])
    fleet.heal()
    await fleet.clock.advance(6_000)
    expect(messages()[1]).toEqual(['x'])
    expect(fleet.pod(1).sser.peers.every(({ lag }) => lag === 0)).toBe(true)
  })

  it.each([
    ['answers are lost', answerLost],
    ['requests arrive twice', duplicated],
  ])('delivers once and in order where %s', async (_, fault) => {
    const { fleet, messages } = await fleetWithClients(2)
    fleet.link(0, 1, fault)
    for (const n of numbers(1, 5)) {
      void fleet.pod(0).sser.send('a', n)
      await fleet.clock.advance(700)
    }
    fleet.heal()
    await fleet.clock.advance(12_000)
    expect(messages()[1]).toEqual(numbers(1, 5))
  })

  it('gets round a link that fails in one direction, by responses with events', async () => {
    const { fleet, messages } = await fleetWithClients(2)
    fleet.link(0, 1, refused)
    void fleet.pod(0).sser.send('a', 'x')
    await fleet.clock.advance(10_000)
    expect(messages()[1]).toEqual([])
    await fleet.clock.advance(10_000)
    expect(messages()[1]).toEqual(['x'])
  })

  it('gets round a link that fails in both directions, by third Pods after the grace', async () => {
    const { fleet, messages } = await fleetWithClients(3)
    fleet.cut(0, 1)
    void fleet.pod(0).sser.send('a', 'x')
    await fleet.clock.advance(12_000)
    expect(messages()).toEqual([['x'], [], ['x']])
    await fleet.clock.advance(16_000)
    expect(messages()).toEqual([['x'], ['x'], ['x']])
  })

  it('keeps an event that reached one survivor when its Pod is gone', async () => {
    const { fleet, messages } = await fleetWithClients(3)
    fleet.cut(0, 1)
    void fleet.pod(0).sser.send('a', 'last words')
    await settle()
    fleet.cut(0, 2)
    await fleet.clock.advance(25_000)
    expect(messages()[1]).toEqual(['last words'])
  })

  it('sends no third Pod’s events while every link works, however busy it is', async () => {
    const { fleet } = await fleetWithClients(3)
    for (const to of [0, 1]) fleet.link(2, to, late(fleet.clock, 30 + 20 * to))
    const sent = fleet.carried.length
    for (let i = 0; i < 2_000; i += 1) {
      void fleet.pod(2).sser.send('a', `${i}`)
      await fleet.clock.advance(30)
    }
    expect(fleet.carried.length - sent).toBeGreaterThan(1_000)
    expect([...fleet.handedOn(0, 1), ...fleet.handedOn(1, 0)]).toEqual([])
  })

  it('sends a gap after a Pod was away for longer than any log reaches back, and continues', async () => {
    const { fleet, clients } = await fleetWithClients(2, { logMaxAgeMs: 20_000 })
    fleet.cut(0, 1)
    for (const n of numbers(1, 40)) {
      void fleet.pod(0).sser.send('a', n)
      await fleet.clock.advance(1_000)
    }
    fleet.heal()
    await fleet.clock.advance(6_000)
    await fleet.pod(0).sser.send('a', 'live')
    const seen = clients[1]?.all.filter(({ event }) => event !== 'sser-position') ?? []
    expect(seen[0]).toMatchObject({ event: 'sser-gap', data: '{"reason":"peer-loss"}' })
    const after = seen.slice(1).map(({ data }) => data)
    expect(after.at(-1)).toBe('live')
    expect(after.slice(0, -1)).toEqual(numbers(Number(after[0]), 40))
    expect(after.length).toBeGreaterThan(5)
    expect(clients[1]?.gaps).toHaveLength(1)
  })

  it('appends no-op entries while no Pod sends, which no client sees', async () => {
    const { fleet, clients } = await fleetWithClients(2)
    const before = clients[1]?.lastEventId
    const from = fleet.carried.length
    await fleet.clock.advance(60_000)
    const ticks = fleet.carried.slice(from).filter(({ from: pod }) => pod === 0)
    expect(ticks.length).toBeGreaterThanOrEqual(11)
    expect(ticks.length).toBeLessThanOrEqual(13)
    expect(clients[1]?.events).toEqual([])
    expect(clients[1]?.lastEventId).not.toBe(before)
    expect(fleet.pods.flatMap(({ errors }) => errors)).toEqual([])
  })

  it('gives a replaced Pod the events that it lacks, and sends no client an event twice', async () => {
    const { fleet, clients } = await fleetWithClients(3)
    await fleet.pod(0).sser.send('a', 'before')
    fleet.link(0, 1, refused)
    fleet.link(2, 1, refused)
    const old = fleet.pod(1)
    await fleet.start(fleet.replace(1))
    const lastEventId = clients[1]?.lastEventId
    void old.sser.stop()
    fleet.heal()
    const resumed = fleet.pod(1).open(['a'], lastEventId).flow()
    const fresh = fleet.pod(1).connect('a')
    await fleet.clock.advance(10_000)
    await fleet.pod(0).sser.send('a', 'after')
    expect(resumed.messages).toEqual(['after'])
    expect(resumed.gaps).toEqual([])
    expect(fresh.messages).toEqual(['after'])
    expect(clients[2]?.messages).toEqual(['before', 'after'])
  })

  it('leaves no timer and no connection behind when it stops', async () => {
    const { fleet, clients } = await fleetWithClients(3)
    await fleet.pod(0).sser.send('a', 'x')
    await fleet.stop()
    expect(clients.map(({ ended }) => ended)).toEqual([true, true, true])
    expect(fleet.pods.map(({ sser }) => sser.connections)).toEqual([0, 0, 0])
    expect(fleet.clock.timers).toBe(0)
  })
})
