import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFleet, events } from 'sser/testing'
import { createApp, createProcessor } from './worker.ts'

const publishToken = 'a-token-of-16-characters'

test('a page on one Pod sees the progress that a worker publishes to another, once for all attempts', async () => {
  await using fleet = await createFleet(2, { app: createApp, publishToken })
  const client = events(await fleet.pod(0).request('/events?stream=job:7'))
  const send = ((url: string, init: RequestInit) => fleet.pod(1).request(url, init)) as typeof fetch
  const processor = createProcessor('http://pod-1', publishToken, send)
  const job = { id: '7', data: { rows: 3 }, attemptsMade: 0 }
  await processor(job)
  await processor({ ...job, attemptsMade: 1 })
  assert.deepEqual(
    (await client.take(5)).map(({ event, data }) => `${event} ${data}`),
    [25, 50, 75, 100].map((percent) => `progress {"percent":${percent}}`).concat('end {"rows":3}'),
  )
  assert.equal(client.received.length, 5)
  await assert.rejects(createProcessor('http://pod-1', 'another-token-of-the-test', send)(job), /401/)
})
