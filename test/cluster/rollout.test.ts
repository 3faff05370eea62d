import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../until.ts'
import { Fleet } from './fleet.ts'
import { timed } from './timed.ts'
import { Traffic } from './traffic.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await Fleet.start({ minReadySeconds: 10 })
})

afterAll(() => fleet?.stop())

test('while the Deployment is updated twice, every client gets every event once', async () => {
  const traffic = await Traffic.start(fleet)
  await timed('the first update', () => fleet.restart())
  await timed('the second update', () => fleet.restart())
  let connections: number[] = []
  const areBack = async () => {
    connections = (await fleet.states()).map((state) => state.connections)
    return connections.reduce((sum, count) => sum + count) === traffic.clients.length
  }
  await until('all clients are back', areBack, 30_000)
  expect(Math.max(...connections) / Math.min(...connections)).toBeLessThanOrEqual(2)
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
})
