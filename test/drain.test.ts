import { describe, expect, it } from 'vitest'
import type { SserOptions } from '../src/index.ts'
import { settle } from './support/clock.ts'
import { Fleet, late } from './support/fleet.ts'

/** A fleet of two, and so many clients of the stream `a` on its first Pod. */
async function crowd(size: number, settings?: SserOptions) {
  const fleet = await Fleet.of(2, settings)
  const { sser } = fleet.pod(0)
  const clients = Array.from({ length: size }, () => fleet.pod(0).connect('a'))
  const elsewhere = fleet.pod(1).connect('a')
  await settle()
  const ended = () => clients.filter((client) => client.ended).length
  return { fleet, sser, clients, elsewhere, ended }
}

describe('a Pod that stops', () => {
  it('ends its connections one after another, all within drainTimeoutMs', async () => {
    const { fleet, sser, ended } = await crowd(400, { drainTimeoutMs: 5_000 })
    const stopping = sser.stop()
    const counts: number[] = []
    for (let i = 0; i < 10; i += 1) {
      counts.push(ended())
      await fleet.clock.advance(500)
    }
    expect(ended()).toBe(400)
    counts.forEach((count, i) => {
      expect(Math.abs(count - 40 * i), `after ${i * 500} ms: ${counts}`).toBeLessThanOrEqual(16)
    })
    await fleet.clock.advance(100)
    await stopping
  })

  it.each([
    [1, 0],
    [3, 200],
  ])('ends few connections at once: %i in %i ms', async (size, ms) => {
    const { fleet, sser, ended } = await crowd(size)
    const stopping = sser.stop()
    await fleet.clock.advance(ms)
    expect(ended()).toBe(size)
    await fleet.clock.advance(100)
    await stopping
  })

  it('ends its connections at once if drainTimeoutMs is 0', async () => {
    const { fleet, sser, ended } = await crowd(50, { drainTimeoutMs: 0 })
    void sser.stop()
    await fleet.clock.advance(0)
    expect(ended()).toBe(50)
  })

  it('spreads the clients’ retry times between half and one and a half', async () => {
    const { fleet, sser, clients } = await crowd(200, { drainTimeoutMs: 0, retryMs: 1_000 })
    void sser.stop()
    await fleet.clock.advance(0)
    const waits = clients.map(({ retries }) => retries.at(-1) as number)
    expect(clients.every(({ retries }) => retries.length === 2)).toBe(true)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500)
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_500)
    expect(new Set(waits).size).toBeGreaterThan(100)
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(800)
  })

  it('admits no connection', async () => {
    const { fleet, sser } = await crowd(100)
    void sser.stop()
    const comer = fleet.pod(0).connect('a')
    await settle()
    expect([comer.ended, comer.all.map(({ event }) => event), comer.retries]).toEqual([
      true,
      ['sser-retry'],
      [2_000],
    ])
  })

  it('delivers, receives and sends until it has stopped, and loses nothing', async () => {
    const { fleet, sser, clients, elsewhere, ended } = await crowd(100, { drainTimeoutMs: 10_000 })
    const stopping = sser.stop()
    await fleet.clock.advance(5_000)
    const there = await sser.send('a', 'from here')
    expect(there.peers).toEqual([{ peer: fleet.host(1), status: 'delivered' }])
    expect(there.connections).toBe(100 - ended())
    await fleet.pod(1).sser.send('a', 'from there')
    await settle()
    expect(elsewhere.messages).toEqual(['from here', 'from there'])
    for (const client of clients)
      expect(client.messages).toEqual(client.ended ? [] : ['from here', 'from there'])
    await fleet.clock.advance(6_000)
    await stopping
    await expect(sser.send('a', 'too late')).rejects.toMatchObject({ code: 'stopped' })
  })

  it('hands over its accepted events, and accepts no more', async () => {
    const { fleet, sser, elsewhere } = await crowd(2)
    fleet.link(0, 1, late(fleet.clock, 200))
    const stopping = sser.stop()
    const sending = sser.send('a', 'taken')
    await fleet.clock.advance(150)
    expect(sser.state).toBe('draining')
    await expect(sser.send('a', 'too late')).rejects.toMatchObject({ code: 'stopped' })
    await fleet.clock.advance(2_000)
    await stopping
    expect((await sending).peers).toEqual([{ peer: fleet.host(1), status: 'delivered' }])
    expect(elsewhere.messages).toEqual(['taken'])
  })
})
