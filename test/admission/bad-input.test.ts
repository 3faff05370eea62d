import { Hono } from 'hono'
import { beforeEach, describe, expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'
import { within } from '../support/until.ts'

const V1 = '/api/json/v1/send'
const V2 = '/api/json/v2/append'

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

const JSON_TYPE = { 'content-type': 'application/json' }
function post(path: string, body: BodyInit, init: RequestInit = {}) {
  return pod.sser.internalRoutes.request(path, {
    method: 'POST',
    body,
    ...init,
    headers: { ...JSON_TYPE, ...init.headers },
  })
}

/** What a client of `foo` gets while `act` does its worst. */
async function heardWhile(act: () => Promise<unknown>) {
  const client = pod.connect('foo')
  await settle()
  await act()
  await settle()
  expect(client.ended).toBe(false)
  expect(client.errors).toEqual([])
  return client.all.slice(1)
}

describe('GET', () => {
  it.each(['', '?', '?stream=', '?stream=&stream=a', '?topic=a'])(
    'without a stream (%j) answers 400 and Go’s own words',
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
  ])('with a stream name over 256 bytes answers 400 and names the limit (%s)', async (letter, times) => {
    expect(await refusal(get(`?stream=${encodeURIComponent(letter.repeat(times))}`))).toEqual({
      status: 400,
      code: 'invalid-stream-name',
      text: 'A stream name has at most 256 bytes\n',
    })
  })

  it.each(['a%0Ab', 'a%0D', '%00', 'a%7F', 'a%C2%85', 'ok&stream=a%09b'])(
    'with control characters in a stream name (%s) answers 400',
    async (name) => {
      expect(await refusal(get(`?stream=${name}`))).toEqual({
        status: 400,
        code: 'invalid-stream-name',
        text: 'A stream name must not contain control characters\n',
      })
    },
  )

  it('for more than 32 streams answers 400 and names the limit; a stream named twice counts once', async () => {
    const names = Array.from({ length: 32 }, (_, i) => `stream=s${i}`)
    expect(await refusal(get(`?${names.join('&')}&stream=one-more`))).toEqual({
      status: 400,
      code: 'too-many-streams-per-connection',
      text: 'A connection listens on at most 32 streams\n',
    })
    expect(get(`?${names.join('&')}&stream=s0`).status).toBe(200)
  })

  it('that is refused leaves nothing behind', () => {
    get('?stream=')
    expect(pod.sser.connections).toBe(0)
  })

  it.each(['17', 'a-b-c', '%00', '-', 'x'.repeat(100_000)])(
    'with a last event id that is not ours is no error: the client is told of a gap, first of all',
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

describe('Accept', () => {
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
  ])('%j is served', (accept) => {
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
  ])('%j excludes event streams, and answers 406', async (accept) => {
    const response = get('?stream=a', { headers: { accept } })
    expect(await refusal(response)).toMatchObject({ status: 406, code: 'not-acceptable' })
  })
})

describe('other methods', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s answers 405 with Allow', (method) => {
    const response = get('?stream=a', { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
  })

  it.each(['handler', 'routes'])('HEAD to the %s answers the headers and leaks nothing', async (way) => {
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
  })

  it('a GET whose answer nobody reads, as after a middleware that throws late, leaks nothing', async () => {
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

describe('a v1 POST', () => {
  it.each([
    'no JSON',
    '',
    '[]',
    '[{"stream":"foo","msg":"a"}]',
    '{"stream":"foo","msg":1}',
    'null',
    '{"stream":"foo","msg":"a"',
    '\ufeff{"stream":"foo","msg":"a"}',
    '{"stream":"foo","msg":""}',
    '{"stream":"foo"}',
    '{"stream":"foo","msg":null}',
    '{"stream":"","msg":"a"}',
    '{"msg":"a"}',
    '{"stream":"fo\\no","msg":"a"}',
  ])('of %j answers 400 as Go does; nothing is delivered and nobody disconnected', async (body) => {
    const heard = await heardWhile(async () => {
      const response = await post(V1, body)
      expect([response.status, await response.text()]).toEqual([400, 'invalid JSON\n'])
    })
    expect(heard).toEqual([])
  })

  it.each([true, false])('over the size limit answers 413 unread (announced: %s)', async (isAnnounced) => {
    let pulled = 0
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1
        if (pulled > 200) controller.close()
        else controller.enqueue(new Uint8Array(65_536).fill(97))
      },
      cancel() {
        isCancelled = true
      },
    })
    const headers = { ...JSON_TYPE, ...(isAnnounced && { 'content-length': '100000000' }) }
    const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit
    const response = await within('the refusal', Promise.resolve(pod.sser.internalRoutes.request(V1, init)))
    expect(response.status).toBe(413)
    expect(response.headers.get('connection')).toBe('close')
    await settle()
    expect(isCancelled).toBe(true)
    expect(pulled).toBeLessThan(isAnnounced ? 3 : 12)
  })

  it('of a message over maxMessageBytes answers 413; one that just fits, escaped six-fold, is taken', async () => {
    const heard = await heardWhile(async () => {
      const tooLong = JSON.stringify({ stream: 'foo', msg: 'x'.repeat(65_537) })
      expect((await post(V1, tooLong)).status).toBe(413)
      const escaped = `{"stream":"foo","msg":"${'\\u003c'.repeat(60_000)}"}`
      expect((await post(V1, escaped)).status).toBe(200)
    })
    expect(heard.map(({ data }) => data)).toEqual(['<'.repeat(60_000)])
  })

  it('that is good answers 200 without a body, and is delivered without an id', async () => {
    const heard = await heardWhile(async () => {
      const response = await post(V1, '{"stream":"foo","msg":"hello","later":1}')
      expect([response.status, response.headers.get('content-length')]).toEqual([200, '0'])
      expect(response.body).toBeNull()
    })
    expect(heard).toEqual([{ event: undefined, id: undefined, data: 'hello' }])
  })
})

describe('a v2 POST', () => {
  const good = { v: 2, epoch: 'peer1', position: {}, runs: [] as object[] }
  const run = (prev: number, ...seqs: number[]) => ({
    epoch: 'peer1',
    prev,
    idle: 0,
    events: seqs.map((seq) => ({ seq, age: 0, stream: 'foo', msg: `${seq}` })),
  })

  it.each<[string, string]>([
    ['that is malformed', '{"v":2'],
    ['that is empty', ''],
    ['of a wrong version', JSON.stringify({ ...good, v: 1 })],
    ['of a wrong epoch', JSON.stringify({ ...good, epoch: 'peer-1' })],
    ['with seqs out of order', JSON.stringify({ ...good, runs: [run(0, 1, 2), run(2, 4, 3)] })],
    ['with a gap in its seqs', JSON.stringify({ ...good, runs: [run(0, 1, 3)] })],
  ])('%s answers 400 with a code, and nothing is delivered', async (_, body) => {
    const heard = await heardWhile(async () => {
      const response = await post(V2, body)
      expect(response.status).toBe(400)
      expect(await response.json()).toEqual({ code: 'invalid-peer-message', message: expect.any(String) })
    })
    expect(heard).toEqual([])
    const error = { code: 'invalid-peer-message' }
    expect(pod.errors).toMatchObject([{ error, context: { stage: 'receive' } }])
  })

  it('with a prev that this Pod does not hold is no error: the answer says where it stands', async () => {
    const heard = await heardWhile(async () => {
      const response = await post(V2, JSON.stringify({ ...good, runs: [run(7, 8)] }))
      expect(response.status).toBe(200)
      const { v, position } = (await response.json()) as { v: number; position: object }
      expect(v).toBe(2)
      expect(position).not.toHaveProperty('peer1')
    })
    expect(heard).toEqual([])
    expect(pod.errors).toEqual([])
  })

  it('that is too large answers 413', async () => {
    expect((await post(V2, 'x'.repeat(8 * 1_048_576 + 1))).status).toBe(413)
  })

  it('whose body breaks off answers 400, and does no harm', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    const response = await post(V2, body, { duplex: 'half' } as RequestInit)
    expect(response.status).toBe(400)
    expect(pod.errors).toMatchObject([{ error: { cause: { message: 'reset' } } }])
  })

  it('to a Pod that was stopped answers 503', async () => {
    await fleet.stop()
    expect([(await post(V2, JSON.stringify(good))).status, (await post(V1, '{}')).status]).toEqual([503, 503])
  })
})
