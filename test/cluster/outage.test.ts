import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClusterFleet } from './fleet.ts'
import { timed } from './timed.ts'
import { Traffic } from './traffic.ts'

const OUTAGE_MS = 60_000

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('sends continue while the API server is down, and peers recover afterwards', async () => {
  const { controlPlane } = fleet.rig
  const traffic = await Traffic.start(fleet)
  await controlPlane.stopApi()
  const start = performance.now()
  await delay(OUTAGE_MS)
  const during = traffic.answeredSince(start)
  await controlPlane.compact()
  await controlPlane.startApi()
  const late = await timed('3 become 4 at once', () => fleet.scale(4))
  console.log(`the slowest Pod had its new peers ${late} ms after the apiserver`)
  expect(late).toBeLessThanOrEqual(5_000)
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  const outcomes = new Set(during.map(({ receipt }) => receipt.peers.map(({ status }) => status).join()))
  expect([...outcomes]).toEqual(['delivered,delivered'])
})
