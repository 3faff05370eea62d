import { describe, expect, it } from 'vitest'
import type { Settings } from '../src/index.ts'
import { settle } from './support/clock.ts'
import { Fleet, late } from './support/fleet.ts'

/** A fleet of two, and so many clients of the stream `a` on its first Pod. */
async function crowd(size: number, settings?: Settings) {
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
  ])('is done at once where it has few: %i in %i ms', async (size, ms) => {
    const { fleet, sser, ended } = await crowd(size)
    const stopping = sser.stop()
    await fleet.clock.advance(ms)
    expect(ended()).toBe(size)
    await fleet.clock.advance(100)
    await stopping
  })

  it('ends them all at once where drainTimeoutMs is 0', async () => {
    const { fleet, sser, ended } = await crowd(50, { drainTimeoutMs: 0 })
    void sser.stop()
    await fleet.clock.advance(0)
    expect(ended()).toBe(50)
  })

  it('tells each client of another wait, half to one and a half times the usual', async () => {
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

  it('welcomes nobody any more', async () => {
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

  it('delivers, takes what peers send, and sends, until it is gone; and nothing of it is lost', async () => {
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

  it('hands over what it took, and takes nothing more meanwhile', async () => {
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
