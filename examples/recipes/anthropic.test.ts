import assert from 'node:assert/strict'
import { test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { createFleet, events } from 'sser/testing'
import { createApp } from './anthropic.ts'
import { until } from './fleet.ts'
import { type Recorded, upstream } from './upstream.ts'

const usage = { input_tokens: 10, output_tokens: 1 }
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5',
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage,
}
const begin: Recorded[] = [
  { event: 'message_start', data: { type: 'message_start', message } },
  {
    event: 'content_block_start',
    data: { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  },
  { event: 'ping', data: { type: 'ping' } },
]
const say = (text: string): Recorded => ({
  event: 'content_block_delta',
  data: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
})
const end: Recorded[] = [
  { event: 'content_block_stop', data: { type: 'content_block_stop', index: 0 } },
  {
    event: 'message_delta',
    data: { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage },
  },
  { event: 'message_stop', data: { type: 'message_stop' } },
]

test('an answer of Anthropic is read on another Pod, and stopped there', { timeout: 20_000 }, async () => {
  await using server = await upstream()
  const client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
  await using fleet = await createFleet(2, { app: (sser) => createApp(sser, client) })
  await fleet.pod(0).request('/answers/1', { method: 'POST', body: 'Hello?' })
  await until(() => server.streams.length === 1)
  server.send(0, [...begin, say('Hel'), say('lo.')])
  const reader = events(await fleet.pod(1).request('/answers/1'))
  await until(() => reader.received.some(({ data }) => data === 'lo.'))
  server.send(0, end)
  server.end(0)
  await reader.closed
  const texts = reader.received.filter(({ event }) => event === 'message').map(({ data }) => data)
  assert.deepEqual(texts, ['Hel', 'lo.'])

  await fleet.pod(0).request('/answers/2', { method: 'POST', body: 'Hello?' })
  await until(() => server.streams.length === 2)
  server.send(1, [...begin, say('Hel')])
  const second = events(await fleet.pod(1).request('/answers/2'))
  await until(() => second.received.some(({ data }) => data === 'Hel'))
  await fleet.pod(1).request('/answers/2', { method: 'DELETE' })
  await until(() => server.streams[1]?.isClosed === true)
  await second.closed
  assert.equal(JSON.parse(second.received.at(-1)?.data ?? '').state, 'cancelled')
})
