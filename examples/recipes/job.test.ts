import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFleet, events } from 'sser/testing'
import { until } from './fleet.ts'
import { createApp } from './job.ts'

test('a page reads the whole progress of a job on another Pod, and its end', async () => {
  await using fleet = await createFleet(2, { app: createApp })
  await fleet.pod(0).request('/jobs/7', { method: 'POST', body: '5' })
  const page = events(await fleet.pod(1).request('/jobs/7'))
  await page.closed
  const rows = page.received
    .filter(({ event }) => event === 'message')
    .map(({ data }) => JSON.parse(data).row)
  assert.deepEqual(rows, [1, 2, 3, 4, 5])
  assert.deepEqual(JSON.parse(page.received.at(-1)?.data ?? ''), { state: 'ended' })
})

test('a page stops a job of another Pod', async () => {
  await using fleet = await createFleet(2, { app: createApp })
  await fleet.pod(0).request('/jobs/8', { method: 'POST', body: '1000000' })
  const page = events(await fleet.pod(1).request('/jobs/8'))
  await until(() => page.received.some(({ event }) => event === 'message'))
  const stop = await fleet.pod(1).request('/jobs/8', { method: 'DELETE' })
  assert.equal(((await stop.json()) as { outcome: string }).outcome, 'cancelled')
  await page.closed
  assert.equal(JSON.parse(page.received.at(-1)?.data ?? '').state, 'cancelled')
})
