import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { beforeEach, describe, expect, it } from 'vitest'
import { SserError } from '../../src/errors.ts'
import { resolveSettings } from '../../src/options.ts'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'

const MAX_MESSAGE_BYTES = resolveSettings({}).maxMessageBytes

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
  ])('with %s answers 400, and says what to do', async (_, count, name) => {
    const response = get(query(count, name))
    expect([response.status, response.headers.get('sser-error')]).toEqual([
      400,
      'too-many-streams-per-connection',
    ])
    expect(await response.text()).toContain('at most 6000 bytes in the URL')
  })

  it('may have a long id beside names that fit', () => {
    expect(get(`${query(22, 'x'.repeat(254))}&lastEventId=${'x'.repeat(9_000)}`).status).toBe(200)
  })

  it('with an empty Last-Event-ID header takes the id of the query', () => {
    const empty = { 'last-event-id': '' }
    const resumed = get(`?stream=a&lastEventId=${pod.sser.position}`, empty)
    expect(resumed.headers.get('sser-resume')).toBe('complete')
    expect(get('?stream=a', empty).headers.has('sser-resume')).toBe(false)
  })

  it('is told that the stream is UTF-8', () => {
    expect(get('?stream=a').headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  })

  it('is told in the first block whether it had an id', async () => {
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

  it('of a fetch client on another origin passes its preflight behind cors()', async () => {
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
  it('there is no position, so that a page that is rendered with it is told no gap', async () => {
    pod = (await Fleet.of(1, { resume: false })).pod(0)
    expect(pod.sser.position).toBe('')
    const client = pod.open(['a'], pod.sser.position || undefined)
    await client.read()
    await settle()
    expect(client.gaps).toEqual([])
    expect(get(`?stream=a&lastEventId=${pod.sser.position}`).headers.has('sser-resume')).toBe(false)
  })
})

describe('an app that lets the error of send() pass', () => {
  const app = () =>
    new Hono().post('/', async (c) => c.json(await pod.sser.send('a', await c.req.text()), 202))

  it.each([
    ['', 400, 'empty-message'],
    ['x'.repeat(MAX_MESSAGE_BYTES + 1), 413, 'message-too-large'],
    ['x'.repeat(MAX_MESSAGE_BYTES), 202, null],
  ])('answers a body with the status of the error', async (body, status, code) => {
    const response = await app().request('/', { method: 'POST', body })
    expect([response.status, response.headers.get('sser-error')]).toEqual([status, code])
  })

  it('hides from its client what the server is to blame for', async () => {
    const error = new SserError('not-started', 'Call start() first')
    expect([error.status, 'getResponse' in error]).toEqual([503, false])
  })
})
