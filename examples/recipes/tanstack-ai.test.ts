import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EventType,
  resumeServerSentEventsResponse,
  type StreamChunk,
  toServerSentEventsResponse,
} from '@tanstack/ai'
import { Hono } from 'hono'
import type { Sser } from 'sser'
import { createFleet, events } from 'sser/testing'
import { until } from './fleet.ts'
import { sserDurability } from './tanstack-ai.ts'

/** A run of TanStack AI whose words the test says. */
class Speaker {
  #pending = Promise.withResolvers<string | undefined>()
  isStopped = false

  async *stream(signal: AbortSignal): AsyncGenerator<StreamChunk> {
    signal.addEventListener('abort', () => this.#pending.reject(signal.reason))
    try {
      yield { type: EventType.RUN_STARTED, threadId: 'thread', runId: 'run' } as StreamChunk
      for (;;) {
        const delta = await this.#pending.promise
        this.#pending = Promise.withResolvers()
        if (delta === undefined) break
        yield { type: EventType.TEXT_MESSAGE_CONTENT, messageId: 'message', delta } as StreamChunk
      }
      yield { type: EventType.RUN_FINISHED, threadId: 'thread', runId: 'run' } as StreamChunk
    } finally {
      this.isStopped = true
    }
  }

  say(delta: string | undefined): void {
    this.#pending.resolve(delta)
  }
}

const speaker = { current: new Speaker() }
const app = (sser: Sser) =>
  new Hono()
    .post('/chat', (c) => {
      const abortController = new AbortController()
      return toServerSentEventsResponse(speaker.current.stream(abortController.signal), {
        abortController,
        durability: { adapter: sserDurability(sser, c.req.raw, abortController), batch: 1 },
      })
    })
    .get('/chat', (c) => resumeServerSentEventsResponse({ adapter: sserDurability(sser, c.req.raw) }))
const deltas = (received: readonly { data: string }[]) =>
  received.flatMap(({ data }) => {
    const chunk = JSON.parse(data) as { type: string; delta?: string }
    return chunk.type === 'TEXT_MESSAGE_CONTENT' ? [chunk.delta] : []
  })

test('a client resumes on another Pod after its last offset, and another joins from the start', {
  timeout: 20_000,
}, async () => {
  await using fleet = await createFleet(3, { app })
  const headers = { 'x-run-id': 'run' }
  const first = events(await fleet.pod(0).request('/chat', { method: 'POST', headers }))
  await until(() => first.received.length > 0)
  for (const word of ['one', 'two']) {
    speaker.current.say(word)
    await until(() => deltas(first.received).includes(word))
  }
  const last = first.lastEventId
  await first.close()

  const resumed = events(
    await fleet.pod(1).request('/chat', { headers: { ...headers, 'last-event-id': last } }),
  )
  const joined = events(await fleet.pod(2).request('/chat?runId=run&offset=-1'))
  await until(() => deltas(joined.received).length === 2)
  speaker.current.say('three')
  await until(() => deltas(resumed.received).length === 1)
  speaker.current.say(undefined)
  await Promise.all([resumed.closed, joined.closed])
  assert.deepEqual(deltas(resumed.received), ['three'])
  assert.deepEqual(deltas(joined.received), ['one', 'two', 'three'])
})

test('a run is stopped through another Pod, and each client is told', { timeout: 20_000 }, async () => {
  speaker.current = new Speaker()
  await using fleet = await createFleet(2, { app })
  const headers = { 'x-run-id': 'stopped' }
  const first = events(await fleet.pod(0).request('/chat', { method: 'POST', headers }))
  await until(() => first.received.length > 0)
  speaker.current.say('one')
  await until(() => deltas(first.received).length === 1)
  const joined = events(await fleet.pod(1).request('/chat?runId=stopped&offset=-1'))
  await fleet.pod(1).sser.cancelRun('tanstack:stopped')
  await joined.closed
  assert.equal(JSON.parse(joined.received.at(-1)?.data ?? '').type, 'RUN_ERROR')
  await until(() => speaker.current.isStopped)
})

test('a snapshot has the chunks so far and does not wait', async () => {
  await using fleet = await createFleet(1)
  const { sser } = fleet.pod(0)
  const request = new Request('http://app/chat?runId=open')
  const adapter = sserDurability(sser, request)
  assert.deepEqual(await adapter.snapshot(), [])
  const chunk = { type: EventType.RUN_STARTED, threadId: 'thread', runId: 'open' } as StreamChunk
  const offsets = await adapter.append([chunk, chunk])
  assert.equal(new Set(offsets).size, 2)
  const stored = await sserDurability(sser, request).snapshot()
  assert.deepEqual(
    stored.map(({ offset }) => offset),
    offsets,
  )
  assert.deepEqual(stored[0]?.chunk, chunk)
  await adapter.close()
  assert.equal((await sserDurability(sser, request).snapshot()).length, 2)
})
