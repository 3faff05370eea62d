import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Sser } from '../../src/index.ts'
import { settle } from '../support/clock.ts'
import { Fleet, hung, outcome, type Pod } from '../support/fleet.ts'
import { until } from '../support/until.ts'

const TOKEN = 'a-token-of-the-tests'
const NDJSON = { 'content-type': 'application/x-ndjson' }
const JSON_TYPE = { 'content-type': 'application/json' }

let fleet: Fleet
let pod: Pod

beforeEach(async () => {
  fleet = await Fleet.of(2, { publishToken: [TOKEN, 'the-next-token-of-the-tests'], maxMessageBytes: 1_000 })
  pod = fleet.pod(0)
})
afterEach(() => fleet.stop())

interface Result {
  line?: number
  item?: number
  receipt?: { id: string; duplicate: boolean }
  error?: { code: string; message: string }
}

interface Answer {
  sent: number
  results: Result[]
  error?: { code: string; message: string }
}

/** Sends a request, and lets the time pass that its answer needs. */
async function post(
  query: string,
  body: BodyInit | null,
  headers: Record<string, string> = {},
  to: Hono = pod.sser.publishRoutes,
): Promise<{ response: Response; json: Answer & Record<string, unknown> }> {
  const init = { method: 'POST', body, headers: { authorization: `Bearer ${TOKEN}`, ...headers } }
  // Of a stream as the body.
  Object.assign(init, { duplex: 'half' })
  const answer = Promise.resolve(to.request(`/${query}`, init))
  let response: Response | undefined
  void answer.then((settled) => {
    response = settled
  })
  // Digests of the token take real time, and the wait for a hung peer virtual time.
  await until('the answer', async () => {
    await fleet.clock.advance(100)
    return response !== undefined
  })
  const settled = await answer
  return { response: settled, json: await settled.json() }
}

const lines = (...events: unknown[]) => events.map((event) => JSON.stringify(event)).join('\n')
const errorOf = async (answer: ReturnType<typeof post>) => {
  const { response, json } = await answer
  return [response.status, json.error?.code]
}

describe('POST ?stream=', () => {
  it('sends its body, and answers with the receipt', async () => {
    const client = fleet.pod(1).connect('orders')
    await settle()
    const { response, json } = await post('?stream=orders&event=created', 'two\ncoffees')
    expect(response.status).toBe(200)
    expect(json).toEqual({
      id: expect.stringMatching(/-...$/),
      duplicate: false,
      connections: 0,
      peers: [{ peer: fleet.host(1), status: 'delivered' }],
    })
    await settle()
    expect(client.events).toMatchObject([{ event: 'created', data: 'two\ncoffees' }])
  })

  it('takes JSON as the text of the message', async () => {
    const client = pod.connect('orders')
    await settle()
    await post('?stream=orders', '{"order":1}', JSON_TYPE)
    await settle()
    expect(client.messages).toEqual(['{"order":1}'])
  })

  it('answers 202 where a peer has not confirmed the event', async () => {
    fleet.cut(0, 1, hung)
    const { response, json } = await post('?stream=orders', 'x')
    expect(response.status).toBe(202)
    expect(json).toMatchObject({ peers: [{ status: 'pending' }] })
  })

  it('sends an event once for each Idempotency-Key, quoted or not', async () => {
    const client = fleet.pod(1).connect('orders')
    await settle()
    const first = await post('?stream=orders', 'x', { 'idempotency-key': 'k1' })
    const again = await post(
      '?stream=orders',
      'x',
      { 'idempotency-key': '"k1"' },
      fleet.pod(1).sser.publishRoutes,
    )
    await settle()
    expect(again.json).toMatchObject({ id: first.json.id, duplicate: true })
    expect(client.messages).toEqual(['x'])
  })

  it.each([
    ['no stream and no JSON', '', 'x', {}, [415, 'unsupported-media-type']],
    ['an empty stream', '?stream=', 'x', {}, [400, 'stream-name-required']],
    ['two streams', '?stream=a&stream=b', 'x', {}, [400, 'invalid-parameter']],
    ['a stream with a line break', '?stream=a%0Ab', 'x', {}, [400, 'invalid-stream-name']],
    ['an empty message', '?stream=a', '', {}, [400, 'empty-message']],
    ['a message beyond maxMessageBytes', '?stream=a', 'x'.repeat(1_001), {}, [413, 'message-too-large']],
    ['a reserved event type', '?stream=a&event=sser-gap', 'x', {}, [400, 'invalid-event-type']],
    [
      'a key that is too long',
      '?stream=a',
      'x',
      { 'idempotency-key': 'k'.repeat(257) },
      [400, 'invalid-idempotency-key'],
    ],
    ['a compressed body', '?stream=a', 'x', { 'content-encoding': 'gzip' }, [415, 'unsupported-media-type']],
  ] as const)('answers %s with the error of send()', async (_, query, body, headers, expected) => {
    expect(await errorOf(post(query, body, headers))).toEqual(expected)
    expect(pod.sser.stats().rejected).toMatchObject({ [expected[1]]: 1 })
  })

  it('answers other methods with 405', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await pod.sser.publishRoutes.request('/?stream=a', { method })
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    }
  })
})

describe('POST with JSON', () => {
  it('sends one event, and answers with its receipt', async () => {
    const client = pod.connect('a')
    await settle()
    const event = { stream: 'a', data: 'x', event: 'created', idempotencyKey: 'k' }
    const { response, json } = await post('', JSON.stringify(event), JSON_TYPE)
    expect([response.status, json]).toMatchObject([200, { duplicate: false }])
    await settle()
    expect(client.events).toMatchObject([{ event: 'created', data: 'x' }])
  })

  it('sends the events of an array, in order', async () => {
    const client = fleet.pod(1).connect('a', 'b')
    await settle()
    const events = [
      { stream: 'a', data: '1' },
      { stream: 'b', data: '2' },
      { stream: 'a', data: '3' },
    ]
    const { response, json } = await post('', JSON.stringify(events), JSON_TYPE)
    expect([response.status, json.sent, json.results.map(({ item }) => item)]).toEqual([200, 3, [1, 2, 3]])
    await settle()
    expect(client.messages).toEqual(['1', '2', '3'])
  })

  it.each([
    ['{"stream":"a"', 400, 'Expected JSON such as'],
    ['"x"', 400, 'Expected an object such as'],
    ['null', 400, 'Expected an object such as'],
    ['[]', 400, 'at least one event'],
    ['{"stream":"a","msg":"x"}', 400, 'There is no field "msg"'],
    [
      '{"stream":"a","data":{"order":1}}',
      400,
      'Field "data": expected the message as a string, got { order }',
    ],
    ['{"stream":["a"],"data":"x"}', 400, 'expected a string'],
    ['{"__proto__":{"stream":"a"},"data":"x"}', 400, 'There is no field "__proto__"'],
  ])('answers %s with 400 and the expected value', async (body, status, message) => {
    const { response, json } = await post('', body, JSON_TYPE)
    expect([response.status, json.error?.message]).toEqual([status, expect.stringContaining(message)])
  })

  it('takes the header Idempotency-Key for one event alone', async () => {
    const key = { 'idempotency-key': 'k', ...JSON_TYPE }
    expect((await post('', '{"stream":"a","data":"x"}', key)).response.status).toBe(200)
    expect((await post('', '{"stream":"a","data":"x"}', key)).json).toMatchObject({ duplicate: true })
    const invalid = [400, 'invalid-idempotency-key']
    expect(await errorOf(post('', '[{"stream":"a","data":"x"}]', key))).toEqual(invalid)
    expect(await errorOf(post('', '{"stream":"a","data":"x","idempotencyKey":"other"}', key))).toEqual(
      invalid,
    )
  })
})

describe('POST with NDJSON', () => {
  const ten = Array.from({ length: 10 }, (_, i) => JSON.stringify({ stream: 'a', data: `${i + 1}` }))

  it('sends each line, and answers with each receipt', async () => {
    const client = fleet.pod(1).connect('a')
    await settle()
    const { response, json } = await post('', `${ten.join('\r\n')}\n\n`, NDJSON)
    expect([response.status, json.sent]).toEqual([200, 10])
    expect(json.results.map(({ line, receipt }) => [line, receipt?.duplicate])).toEqual(
      ten.map((_, i) => [i + 1, false]),
    )
    await settle()
    expect(client.messages).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'])
  })

  it('sends the six lines before a broken one, and names it', async () => {
    const client = fleet.pod(1).connect('a')
    await settle()
    const { response, json } = await post('', ten.with(6, '{"stream":"a","data"').join('\n'), NDJSON)
    expect([response.status, response.headers.get('sser-error')]).toEqual([400, 'invalid-json'])
    expect(json.sent).toBe(6)
    expect(
      json.results.map(({ line, receipt, error }) => [line, receipt !== undefined, error?.code]),
    ).toEqual([...[1, 2, 3, 4, 5, 6].map((line) => [line, true, undefined]), [7, false, 'invalid-json']])
    await settle()
    expect(client.messages).toEqual(['1', '2', '3', '4', '5', '6'])
  })

  it('has the status of its first error, of a message that is too long for instance', async () => {
    const body = lines(
      { stream: 'a', data: '1' },
      { stream: 'a', data: 'x'.repeat(1_001) },
      { stream: 'a', data: '3' },
    )
    const { response, json } = await post('', body, NDJSON)
    expect([response.status, json.sent]).toEqual([413, 1])
    expect(json.results.at(-1)?.error).toMatchObject({ code: 'message-too-large' })
  })

  it('sends 1,000 events, and no more', async () => {
    const many = Array.from({ length: 1_001 }, (_, i) => ({ stream: 'a', data: `${i}` }))
    const { response, json } = await post('', lines(...many), NDJSON)
    expect([response.status, json.sent, json.results.at(-1)?.error?.code]).toEqual([
      413,
      1_000,
      'body-too-large',
    ])
  })
})

describe('a Pod', () => {
  it('throws where the routes are read without publishToken', () => {
    expect(() => new Sser().publishRoutes).toThrow(
      expect.objectContaining({
        code: 'open-publish-routes',
        message: expect.stringContaining('publishToken'),
      }),
    )
  })

  it.each(['short', '', [], 'with a space in it', true, ['a-token-of-the-tests', 1]])(
    'rejects the token %j',
    (publishToken) => {
      expect(() => new Sser({ publishToken: publishToken as string })).toThrow(
        'Option "publishToken": expected false',
      )
    },
  )

  it('answers 503 before start() and after stop()', async () => {
    const sser = new Sser({ publishToken: TOKEN, logger: false })
    const unready = await post('?stream=a', 'x', {}, sser.publishRoutes)
    expect([unready.response.status, unready.json.error?.code]).toEqual([503, 'not-started'])
    await sser.stop()
    const stopped = await post('?stream=a', 'x', {}, sser.publishRoutes)
    expect([stopped.response.status, stopped.json.error?.code]).toEqual([503, 'stopped'])
    expect(stopped.response.headers.get('retry-after')).toBe('1')
  })

  it('can be mounted behind middleware of the app that decides who publishes', async () => {
    const open = await Fleet.of(1, { publishToken: false })
    const app = new Hono()
      .use('/publish', async (c, next) => (c.req.query('key') === 'mine' ? next() : c.text('no', 403)))
      .route('/publish', open.pod(0).sser.publishRoutes)
    const init = { method: 'POST', body: 'x' }
    const allowed = await outcome(Promise.resolve(app.request('/publish?stream=a&key=mine', init)))
    expect(allowed).toMatchObject({ value: { status: 200 } })
    expect((await app.request('/publish?stream=a', init)).status).toBe(403)
    await open.stop()
  })
})
