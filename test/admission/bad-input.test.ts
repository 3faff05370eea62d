import { Hono } from 'hono'
import { beforeEach, describe, expect, it } from 'vitest'
import { Fleet, type Pod } from '../support/fleet.ts'

let fleet: Fleet
let pod: Pod

beforeEach(async () => {
  fleet = await Fleet.of(1)
  pod = fleet.pod(0)
})

const get = (query: string, init?: RequestInit) =>
  pod.sser.routes.fetch(new Request(`http://pod/${query}`, init)) as Response

async function refusal(response: Response) {
  const { status, headers } = response
  return { status, code: headers.get('sser-error'), text: await response.text() }
}

describe('GET', () => {
  it.each(['', '?', '?stream=', '?stream=&stream=a', '?topic=a'])(
    'answers 400 with the words of the Go package where no stream is named: %j',
    async (query) => {
      expect(await refusal(get(query))).toEqual({
        status: 400,
        code: 'stream-name-required',
        text: 'A stream name must be supplied\n',
      })
    },
  )

  it.each([
    ['a', 257],
    ['é', 129],
  ])('answers 400 with the limit to a stream name over 256 bytes, of %s', async (letter, times) => {
    expect(await refusal(get(`?stream=${encodeURIComponent(letter.repeat(times))}`))).toEqual({
      status: 400,
      code: 'invalid-stream-name',
      text: 'A stream name has at most 256 bytes\n',
    })
  })

  it.each(['a%0Ab', 'a%0D', '%00', 'a%7F', 'a%C2%85', 'ok&stream=a%09b'])(
    'answers 400 to control characters in a stream name: %s',
    async (name) => {
      expect(await refusal(get(`?stream=${name}`))).toEqual({
        status: 400,
        code: 'invalid-stream-name',
        text: 'A stream name must not contain control characters\n',
      })
    },
  )

  it('answers 400 with the limit to more than 32 different streams', async () => {
    const names = Array.from({ length: 32 }, (_, i) => `stream=s${i}`)
    expect(await refusal(get(`?${names.join('&')}&stream=one-more`))).toEqual({
      status: 400,
      code: 'too-many-streams-per-connection',
      text: 'A connection listens on at most 32 streams\n',
    })
    expect(get(`?${names.join('&')}&stream=s0`).status).toBe(200)
  })

  it('keeps nothing of a request that it refuses', () => {
    get('?stream=')
    expect(pod.sser.connections).toBe(0)
  })

  it.each(['17', 'a-b-c', '%00', '-', 'x'.repeat(100_000)])(
    'sends a gap first to a client with a foreign Last-Event-ID: %s',
    async (id) => {
      const response = get(`?stream=a&lastEventId=${id}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('sser-resume')).toBe('gap')
      const client = pod.open(['a'], id === '%00' ? 'nul' : id)
      await client.read()
      expect(client.all).toMatchObject([{ event: 'sser-gap', data: '{"reason":"invalid-id"}' }])
      await client.cancel()
    },
  )
})

describe('the header Accept', () => {
  const status = (accept: string) => get('?stream=a', { headers: { accept } }).status

  it.each([
    '',
    '*/*',
    'text/*',
    'text/event-stream',
    'TEXT/Event-Stream',
    'text/event-stream;charset=utf-8',
    'text/html, text/event-stream;q=0.5',
    'application/json, */*;q=0.1',
    'text/html,*/*',
    'text/*;q=0, text/event-stream',
    '*/*;q=0,text/*;q=0.001',
    ' text/event-stream ; q=1.0 ',
  ])('allows an event stream: %j', (accept) => {
    expect(status(accept)).toBe(200)
  })

  it.each([
    'application/json',
    'text/html',
    'text/html, application/*',
    'text/event-stream;q=0',
    'text/event-stream; q=0.000, */*',
    'text/*;q=0, */*',
    '*/*;q=0.0',
    'text/event-streams',
  ])('excludes an event stream, which answers 406: %j', async (accept) => {
    const response = get('?stream=a', { headers: { accept } })
    expect(await refusal(response)).toMatchObject({ status: 406, code: 'not-acceptable' })
  })
})

describe('the endpoint for events', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('answers 405 with Allow to %s', (method) => {
    const response = get('?stream=a', { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
  })

  it.each(['handler', 'routes'])(
    'answers HEAD with the headers of GET, without a leak, by the %s',
    async (way) => {
      const app = new Hono().route('/events', pod.sser.routes)
      const request = (method: string) => new Request('http://pod/events?stream=a', { method })
      const ask = async (method: string) =>
        way === 'handler' ? pod.sser.handler(request(method)) : app.fetch(request(method))
      const timers = fleet.clock.timers
      const head = await ask('HEAD')
      const full = await ask('GET')
      expect([head.status, await head.text()]).toEqual([200, ''])
      expect([...head.headers]).toEqual([...full.headers])
      expect([pod.sser.connections, fleet.clock.timers]).toEqual([0, timers])
    },
  )

  it('leaks nothing where a middleware throws after the response was made', async () => {
    const app = new Hono()
      .use(async (_, next) => {
        await next()
        throw new Error('late')
      })
      .onError((_, c) => c.text('oops', 500))
      .route('/events', pod.sser.routes)
    const timers = fleet.clock.timers
    expect((await app.request('/events?stream=a')).status).toBe(500)
    expect([pod.sser.connections, fleet.clock.timers]).toEqual([0, timers])
  })
})
