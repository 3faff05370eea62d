import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClusterFleet } from './fleet.ts'
import { timed } from './timed.ts'
import { Traffic } from './traffic.ts'

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('every client gets every event once while scaling to 6, then 2', async () => {
  const traffic = await Traffic.start(fleet)
  const more = await timed('3 become 6', () => fleet.scale(6))
  const fewer = await timed('6 become 2', () => fleet.scale(2))
  console.log(`the slowest Pod had its new peers ${more} and ${fewer} ms after the apiserver`)
  expect(more).toBeLessThanOrEqual(1_000)
  expect(fewer).toBeLessThanOrEqual(1_000)
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
})
