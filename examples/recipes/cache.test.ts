import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFleet } from 'sser/testing'
import { PodCache } from './cache.ts'
import { until } from './fleet.ts'

test('a change on one Pod makes every Pod load the value again, and a load in progress is not kept', async () => {
  await using fleet = await createFleet(3)
  const prices = new Map([['tea', 1]])
  let loads = 0
  const waiting: (() => void)[] = []
  let isSlow = false
  const load = async (key: string) => {
    loads += 1
    const price = prices.get(key)
    if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve))
    return price
  }
  const caches = fleet.pods.map(({ sser }) => new PodCache(sser, 'prices', load))
  const all = () => Promise.all(caches.map((cache) => cache.get('tea')))
  assert.deepEqual(await all(), [1, 1, 1])
  assert.deepEqual([await all(), loads], [[1, 1, 1], 3])
  prices.set('tea', 2)
  await caches[2]?.invalidate('tea')
  await until(() => fleet.pods.every(({ sser }) => sser.stats().subscriptions.received === 1))
  assert.deepEqual([await all(), loads], [[2, 2, 2], 6])
  await caches[0]?.invalidate('tea')
  isSlow = true
  const stale = caches[1]?.get('tea')
  await until(() => waiting.length === 1)
  prices.set('tea', 3)
  isSlow = false
  await caches[0]?.invalidate('tea')
  await until(() => fleet.pods.every(({ sser }) => sser.stats().subscriptions.received === 3))
  waiting[0]?.()
  assert.equal(await stale, 2)
  assert.deepEqual(await all(), [3, 3, 3])
})
