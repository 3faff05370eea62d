import assert from 'node:assert/strict'
import { test } from 'node:test'
import OpenAI from 'openai'
import { createFleet, events } from 'sser/testing'
import { until } from './fleet.ts'
import { createApp } from './openai.ts'
import { type Recorded, upstream } from './upstream.ts'

const event = (type: string, sequence: number, data: object): Recorded => ({
  event: type,
  data: { type, sequence_number: sequence, ...data },
})
const created = event('response.created', 0, { response: { id: 'resp_1', status: 'queued', output: [] } })
const say = (sequence: number, delta: string) =>
  event('response.output_text.delta', sequence, {
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta,
    logprobs: [],
  })
const completed = (sequence: number) =>
  event('response.completed', sequence, { response: { id: 'resp_1', status: 'completed', output: [] } })

test('another Pod goes on with an answer of OpenAI whose Pod has died', { timeout: 30_000 }, async () => {
  await using server = await upstream()
  const client = new OpenAI({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
  await using fleet = await createFleet(3, { app: (sser) => createApp(sser, client) })
  const read = async () => events(await fleet.pod(1).request('/answers/1'))
  await fleet.pod(0).request('/answers/1', { method: 'POST', body: 'Hello?' })
  await until(() => server.streams.length === 1)
  server.send(0, [created, say(4, 'Hel'), say(5, 'lo')])
  const reader = await read()
  await until(() => reader.received.some(({ data }) => data.includes('"lo"')))
  fleet.pod(0).kill()
  await fleet.pod(0).restart()
  await reader.closed
  assert.equal(JSON.parse(reader.received.at(-1)?.data ?? '').state, 'lost')

  await fleet.pod(1).request('/answers/1/take-over', { method: 'POST' })
  await until(() => server.streams.length === 2)
  assert.match(server.streams[1]?.path ?? '', /^\/responses\/resp_1\?.*starting_after=5/)
  server.send(1, [say(6, ', you.'), completed(7)])
  server.end(1)
  const next = await read()
  await next.closed
  const texts = next.received.flatMap(({ event, data }) =>
    event === 'message' ? [JSON.parse(data).text] : [],
  )
  assert.equal(texts.join(''), 'Hello, you.')
  assert.equal(JSON.parse(next.received.at(-1)?.data ?? '').state, 'ended')
})
