import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { createSser, events } from '../../src/testing.ts'

function responseOf(...chunks: string[]): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
}

test('a unit test of a route reads the event that the route sends', async () => {
  await using sser = await createSser()
  const app = new Hono().route('/events', sser.routes).post('/orders', async (c) => {
    return c.json(await sser.send('orders', await c.req.text(), { event: 'created' }), 202)
  })
  const client = events(await app.request('/events?stream=orders'))
  const response = await app.request('/orders', { method: 'POST', body: 'two coffees' })
  const { id } = (await response.json()) as { id: string }
  const event = await client.nextEvent()
  expect(event).toMatchObject({ event: 'created', data: 'two coffees', retry: 2_000 })
  expect(event.id).not.toBe('')
  expect(client.lastEventId).toBe(event.id)
  expect(id).not.toBe('')
  expect(client.retryMs).toBe(2_000)
})

test('a loop over the events ends with the response, and leaving it closes the connection', async () => {
  const seen: string[] = []
  for await (const { event, data } of events(responseOf('event: a\ndata: 1\n\nda', 'ta: 2\n\n')))
    seen.push(`${event} ${data}`)
  expect(seen).toEqual(['a 1', 'message 2'])
  await using sser = await createSser()
  const response = await sser.handler(new Request('http://pod/?stream=a'))
  const client = events(response)
  await sser.send('a', 'x')
  for await (const { data } of client) {
    expect(data).toBe('x')
    expect(sser.connections).toBe(1)
    break
  }
  expect(client.isClosed).toBe(true)
  expect(sser.connections).toBe(0)
})

test('take() takes several events, and a wait ends with a TimeoutError that says what came', async () => {
  await using sser = await createSser()
  const client = events(await sser.handler(new Request('http://pod/?stream=a')))
  for (const msg of ['1', '2', '3']) await sser.send('a', msg)
  expect((await client.take(2)).map(({ data }) => data)).toEqual(['1', '2'])
  const error = await client.take(2, { timeoutMs: 20 }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    name: 'TimeoutError',
    message: expect.stringMatching(
      /^Waited for 1 more event, and 20 ms have passed; received 3 so far, the last one .*"data":"3"/,
    ),
  })
  expect(await client.nextEvent()).toMatchObject({ data: '3' })
})

test('a gap has its reason, and its id replaces the invalid one', async () => {
  await using sser = await createSser()
  const request = new Request('http://pod/?stream=a', { headers: { 'last-event-id': 'nonsense' } })
  const client = events(await sser.handler(request))
  const gap = await client.nextEvent()
  expect(gap).toMatchObject({ event: 'sser-gap', gap: 'invalid-id' })
  expect(client.received).toEqual([gap])
  expect(client.lastEventId).toBe(sser.position)
})

test('a signal ends a wait, or closes the connection', async () => {
  await using sser = await createSser()
  const connection = new AbortController()
  const response = await sser.handler(new Request('http://pod/?stream=a'))
  const client = events(response, { signal: connection.signal })
  await expect(client.nextEvent({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  const wait = new AbortController()
  const waiting = client.nextEvent({ signal: wait.signal })
  wait.abort(new Error('enough of this'))
  await expect(waiting).rejects.toThrow('enough of this')
  expect(sser.connections).toBe(1)
  const next = client.nextEvent()
  connection.abort(new Error('the tab was closed'))
  await expect(next).rejects.toThrow('the tab was closed')
  expect(sser.connections).toBe(0)
})

test('a stop of the instance closes the connection, and a later wait says so', async () => {
  const sser = await createSser()
  const client = events(await sser.handler(new Request('http://pod/?stream=a')))
  await sser.send('a', 'last words')
  await sser.stop()
  await client.closed
  expect(client.received).toMatchObject([{ data: 'last words' }])
  await client.nextEvent()
  await expect(client.nextEvent()).rejects.toThrow('Waited for 1 more event, and the response has ended')
})

test('a body that fails fails the wait and the loop', async () => {
  const failing = () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError('terminated')) })
    return events(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
  }
  await expect(failing().nextEvent()).rejects.toThrow('terminated')
  await expect(failing().closed).rejects.toThrow('terminated')
  await expect(Array.fromAsync(failing())).rejects.toThrow('terminated')
})

test('rejects a promise, a refusal and another type, and says what came', async () => {
  await using sser = await createSser({ authorize: () => 'deny' })
  const denied = await sser.handler(new Request('http://pod/?stream=a'))
  expect(() => events(denied)).toThrow(
    'events(): expected 200 and text/event-stream, got 403 with Sser-Error: forbidden and text/plain; charset=utf-8',
  )
  expect(() => events(Promise.resolve(denied) as never)).toThrow('write events(await app.request(…))')
  const json = new Response('{}', { headers: { 'content-type': 'application/json' } })
  expect(() => events(json)).toThrow('got 200 and application/json')
  expect(() => events(undefined as never)).toThrow('expected a Response, got undefined')
})
