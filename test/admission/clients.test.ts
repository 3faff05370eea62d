import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { beforeEach, describe, expect, it } from 'vitest'
import { SserError } from '../../src/errors.ts'
import { resolveOptions } from '../../src/options.ts'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'

const MAX_MESSAGE_BYTES = resolveOptions({}).maxMessageBytes

let fleet: Fleet
let pod: Pod

beforeEach(async () => {
  fleet = await Fleet.of(1)
  pod = fleet.pod(0)
})

function get(query: string, headers: Record<string, string> = {}) {
  return pod.sser.routes.request(`/${query}`, { headers }) as Response
}

/** `count` different names of the same length, as a query. */
function query(count: number, name: string): string {
  const names = Array.from({ length: count }, (_, i) => `${String(i).padStart(2, '0')}${name}`)
  return `?${new URLSearchParams(names.map((each) => ['stream', each]))}`
}

describe('a request for events', () => {
  it.each([
    ['32 names of 256 bytes', 32, 'x'.repeat(254)],
    ['12 names of 254 bytes, which take three times as much', 12, '漢'.repeat(84)],
  ])('gets 400 and the fix for %s', async (_, count, name) => {
    const response = get(query(count, name))
    expect([response.status, response.headers.get('sser-error')]).toEqual([
      400,
      'too-many-streams-per-connection',
    ])
    expect(await response.text()).toContain('at most 6000 bytes in the URL')
  })

  it('may have a long id beside names within the limit', () => {
    expect(get(`${query(22, 'x'.repeat(254))}&lastEventId=${'x'.repeat(9_000)}`).status).toBe(200)
  })

  it('uses the id of the query where the header Last-Event-ID is empty', () => {
    const empty = { 'last-event-id': '' }
    const resumed = get(`?stream=a&lastEventId=${pod.sser.position}`, empty)
    expect(resumed.headers.get('sser-resume')).toBe('complete')
    expect(get('?stream=a', empty).headers.has('sser-resume')).toBe(false)
  })

  it('gets a response that declares UTF-8', () => {
    expect(get('?stream=a').headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  })

  it('gets a first block that says whether the client resumed', async () => {
    const greeting = async (id?: string) => {
      const client = pod.open(['a'], id)
      await client.read()
      await client.cancel()
      return client.all.map(({ event, data }) => [event, data])
    }
    expect(await greeting()).toEqual([['sser-position', '{"resumed":false}']])
    expect(await greeting(pod.sser.position)).toEqual([['sser-position', '{"resumed":true}']])
    expect(await greeting('foreign')).toEqual([['sser-gap', '{"reason":"invalid-id"}']])
  })

  it('from another origin passes its preflight behind cors()', async () => {
    const app = new Hono()
      .use('/events', cors({ origin: 'https://shop.example' }))
      .route('/events', pod.sser.routes)
    const preflight = await app.request('/events?stream=a', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'last-event-id',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('last-event-id')
    const response = await app.request('/events?stream=a', { headers: { origin: 'https://shop.example' } })
    expect(response.headers.get('access-control-allow-origin')).toBe('https://shop.example')
  })
})

describe('without history', () => {
  it('has no position, so that a page rendered with it gets no gap', async () => {
    pod = (await Fleet.of(1, { resume: false })).pod(0)
    expect(pod.sser.position).toBeUndefined()
    const client = pod.open(['a'], pod.sser.position)
    await client.read()
    await settle()
    expect(client.gaps).toEqual([])
    expect(get(`?stream=a&lastEventId=${pod.sser.position ?? ''}`).headers.has('sser-resume')).toBe(false)
  })
})

describe('an app that does not catch the error of send()', () => {
  const app = () =>
    new Hono().post('/', async (c) => c.json(await pod.sser.send('a', await c.req.text()), 202))

  it.each([
    ['', 400, 'empty-message'],
    ['x'.repeat(MAX_MESSAGE_BYTES + 1), 413, 'message-too-large'],
    ['x'.repeat(MAX_MESSAGE_BYTES), 202, null],
  ])('responds with the status of the error', async (body, status, code) => {
    const response = await app().request('/', { method: 'POST', body })
    expect([response.status, response.headers.get('sser-error')]).toEqual([status, code])
  })

  it('hides the message of a server error from its client', async () => {
    const error = new SserError('not-started', 'Call start() first')
    expect([error.status, 'getResponse' in error]).toEqual([503, false])
  })
})
