import { describe, expect, it } from 'vitest'
import { Sser } from '../../src/index.ts'
import { settle } from '../support/clock.ts'
import { Fleet, hung } from '../support/fleet.ts'

async function ask(sser: Sser, path: string) {
  const response = await sser.opsRoutes.request(path)
  expect(response.headers.get('content-type')).toContain('application/json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  return [response.status, await response.json()]
}

const ready = (sser: Sser) => ask(sser, '/readyz')
const live = (sser: Sser) => ask(sser, '/livez')

describe('/readyz', () => {
  it('names the step that a starting Pod waits for', async () => {
    let found = (_: { peers: []; changes: AsyncIterable<[]> }) => {}
    const finding = new Promise<{ peers: []; changes: AsyncIterable<[]> }>((resolve) => {
      found = resolve
    })
    const sser = new Sser({ peerFinder: { start: () => finding } })
    expect(await ready(sser)).toEqual([
      503,
      { ready: false, state: 'idle', reason: 'start() was not called' },
    ])
    const starting = sser.start()
    expect(await ready(sser)).toEqual([
      503,
      { ready: false, state: 'finding-peers', reason: 'the peer finder has no first list of peers yet' },
    ])
    found({ peers: [], changes: (async function* () {})() })
    await starting
    expect(await ready(sser)).toEqual([200, { ready: true, state: 'ready' }])
    await sser.stop()
    expect((await ready(sser))[1]).toMatchObject({ ready: false, state: 'stopped' })
  })

  it('fails while the log is being fetched', async () => {
    const fleet = await Fleet.of(2)
    const late = fleet.replace(1)
    fleet.link(1, 0, hung)
    const starting = late.sser.start()
    await settle()
    expect(await ready(late.sser)).toEqual([
      503,
      { ready: false, state: 'fetching-log', reason: 'the log is being fetched from a peer' },
    ])
    await fleet.clock.advance(6_000)
    await starting
    expect((await ready(late.sser))[0]).toBe(200)
  })

  it('fails from the first moment of shutdown', async () => {
    const fleet = await Fleet.of(1)
    const { sser } = fleet.pod(0)
    const connections = ['a', 'b', 'c'].map((stream) => fleet.pod(0).connect(stream))
    await settle()
    const stopping = sser.stop()
    expect(await ready(sser)).toEqual([
      503,
      { ready: false, state: 'draining', reason: 'the Pod stops: its connections are being ended' },
    ])
    expect((await live(sser))[0]).toBe(200)
    await fleet.clock.advance(1_000)
    await stopping
    expect(connections.every(({ ended }) => ended)).toBe(true)
  })
})

describe('/livez', () => {
  it('succeeds until the instance was stopped, ready or not', async () => {
    const fleet = new Fleet(1)
    const { sser } = fleet.pod(0)
    expect(await live(sser)).toEqual([200, { live: true, state: 'idle', reason: 'start() was not called' }])
    await fleet.start(fleet.pod(0))
    expect(await live(sser)).toEqual([200, { live: true, state: 'ready' }])
    await fleet.stop()
    expect(await live(sser)).toEqual([503, { live: false, state: 'stopped', reason: 'the Pod was stopped' }])
  })
})
