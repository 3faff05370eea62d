import { createParser } from 'eventsource-parser'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'

let fleet: Fleet
let pod: Pod

beforeEach(async () => {
  fleet = await Fleet.of(1)
  pod = fleet.pod(0)
})
afterEach(() => fleet.stop())

/** The text of a client's response so far. */
const textOf = ({ chunks }: Client) => Buffer.concat(chunks).toString()
/** The types and data of a client's events, without those of the server. */
const typed = ({ events }: Client) => events.map(({ event = 'message', data }) => [event, data])

/** Sends the same events while a client is open, and before another one connects. */
async function liveAndReplayed(parameters: Record<string, string>, streams = ['a', 'b']): Promise<Client[]> {
  const live = pod.open(streams, undefined, parameters).flow()
  await settle()
  void pod.sser.send('a', '1')
  void pod.sser.send('b', '2', { event: 'created' })
  await settle()
  void pod.sser.send('a', '3\n4')
  await settle()
  const replayed = pod.open(streams, undefined, { ...parameters, from: 'oldest' }).flow()
  await settle()
  return [live, replayed]
}

describe('a connection with label=event', () => {
  it('has the stream as the type of each event that was sent without one, live and replayed', async () => {
    for (const client of await liveAndReplayed({ label: 'event' })) {
      expect(typed(client)).toEqual([
        ['a', '1'],
        ['created', '2'],
        ['a', '3\n4'],
      ])
      expect(client.errors).toEqual([])
    }
  })

  it.each(['error', 'open', 'sser-gap'])(
    'is refused for the stream "%s", whose events a page would take for others',
    async (name) => {
      const get = (label: string) => pod.sser.routes.request(`/?stream=a&stream=${name}&label=${label}`)
      const response = await get('event')
      expect([response.status, response.headers.get('sser-error')]).toEqual([400, 'invalid-parameter'])
      expect(await response.text()).toContain(`a stream named "${name}"`)
      expect((await get('field')).status).toBe(200)
    },
  )

  it('is refused for such a stream that authorize grants in place of another, and releases its room', async () => {
    let granted = 'open'
    const other = await Fleet.of(1, { maxConnections: 1, authorize: () => ({ streams: [granted] }) })
    const get = () => other.pod(0).sser.routes.request('/?stream=a&label=event')
    expect((await get()).headers.get('sser-error')).toBe('invalid-parameter')
    granted = 'opened'
    expect((await get()).headers.has('sser-error')).toBe(false)
    await other.stop()
  })

  it('receives the events of a stream named message by onmessage', async () => {
    const client = pod.open(['message'], undefined, { label: 'event' }).flow()
    await settle()
    void pod.sser.send('message', 'x')
    await settle()
    expect(typed(client)).toEqual([['message', 'x']])
  })
})

describe('a connection with label=field', () => {
  it('has the stream in a field of each event, live and replayed', async () => {
    for (const client of await liveAndReplayed({ label: 'field' })) {
      const fields: unknown[] = []
      let stream: string | undefined
      const parser = createParser({
        onError: ({ field, value }) => {
          if (field === 'stream') stream = value
        },
        onEvent: ({ event = 'message', data }) => {
          if (!event.startsWith('sser-')) fields.push([stream, event, data])
          stream = undefined
        },
      })
      parser.feed(textOf(client))
      expect(fields).toEqual([
        ['a', 'message', '1'],
        ['b', 'created', '2'],
        ['a', 'message', '3\n4'],
      ])
    }
  })

  it('differs from a connection without a label in that field alone', async () => {
    const plain = pod.connect('a', 'b')
    for (const client of await liveAndReplayed({ label: 'field' })) {
      expect(textOf(client)).toContain('stream: a\n')
      expect(
        textOf(client)
          .replaceAll(/^stream: .*\n/gm, '')
          .split('\n\n')
          .slice(1),
      ).toEqual(textOf(plain).split('\n\n').slice(1))
    }
  })
})

describe('connections with the same streams', () => {
  it('share their chunks with those of the same label alone', async () => {
    const labels = [undefined, 'event', 'field']
    const groups = labels.map((label) =>
      [0, 1].map(() => pod.open(['a'], undefined, label ? { label } : {}).flow()),
    )
    await settle()
    void pod.sser.send('a', '1')
    await settle()
    const chunks = groups.map((group) => group.map((client) => client.chunks.at(-1)))
    for (const [one, other] of chunks) expect(one).toBe(other)
    expect(new Set(chunks.flat()).size).toBe(3)
    expect(pod.sser.stats().streams.active).toBe(1)
    for (const client of groups.flat()) await client.cancel()
    await settle()
    expect(pod.sser.stats().streams.active).toBe(0)
  })
})

describe('an endpoint in the plain dialect', () => {
  /** The response of a reader of the plain endpoint, and its text so far. */
  const open = async (query: string, headers: Record<string, string> = {}) => {
    const { handler } = pod.sser.endpoint({ dialect: 'plain' })
    const response = await handler(new Request(`http://pod/?${query}`, { headers }))
    return { response, client: new Client(response).flow() }
  }
  const linesOf = (client: Client) =>
    textOf(client)
      .split('\n')
      .map((line) => line.replace(/^id: .+-...$/, 'id: ID'))

  it('sends messages of the app as data, and everything else as comments', async () => {
    const { client } = await open('stream=a')
    await settle()
    void pod.sser.send('a', '{"n":1}')
    await settle()
    await fleet.clock.advance(15_000)
    void pod.sser.send('a', '{"n":2}', { event: 'created' })
    await settle()
    void pod.sser.stop()
    await fleet.clock.advance(30_000)
    expect(client.ended).toBe(true)
    const lines = linesOf(client).map((line) => line.replace(/^retry: \d+$/, 'retry: MS'))
    expect(lines).toEqual([
      ...[': sser-position {"resumed":false}', 'retry: MS', 'id: ID'],
      ...['data: {"n":1}', 'id: ID', ''],
      ...[': sser-position {}', 'id: ID'],
      ...['event: created', 'data: {"n":2}', 'id: ID', ''],
      ...[': sser-retry {"reason":"draining"}', 'retry: MS', ''],
    ])
  })

  it('has no block without data for a parser that hands on such blocks', async () => {
    const { client } = await open('stream=a&label=field')
    await settle()
    await fleet.clock.advance(40_000)
    void pod.sser.send('a', '{}')
    await settle()
    for (const block of textOf(client).split('\n\n').slice(0, -1)) expect(block).toMatch(/^data: /m)
  })

  it('tells a gap by a comment before the next id, and by the header Sser-Resume', async () => {
    const { response, client } = await open('stream=a', { 'last-event-id': 'foreign' })
    expect(response.headers.get('sser-resume')).toBe('gap')
    await settle()
    expect(linesOf(client)).toEqual([': sser-gap {"reason":"invalid-id"}', 'retry: 2000', 'id: ID', ''])
  })

  it('tells a gap on an open connection by a comment', async () => {
    const { client } = await open('stream=a')
    await settle()
    for (let i = 0; i < 400; i += 1) void pod.sser.send('a', 'x'.repeat(60_000))
    await settle()
    const lines = linesOf(client)
    expect(lines.slice(3, 6)).toEqual([
      ': sser-gap {"reason":"trimmed"}',
      'id: ID',
      expect.stringMatching(/^data: x/),
    ])
  })

  it('refuses a client that accepts event streams alone by a comment', async () => {
    const full = await Fleet.of(1, { maxConnections: 1 })
    const { handler } = full.pod(0).sser.endpoint({ dialect: 'plain' })
    const ask = () =>
      handler(new Request('http://pod/?stream=a', { headers: { accept: 'text/event-stream' } }))
    const first = await ask()
    const text = await (await ask()).text()
    expect(text).toMatch(/^: sser-retry \{"reason":"too-many-connections"\}\nretry: \d+\n$/)
    await first.body?.cancel()
    await full.stop()
  })

  it('is never chosen by a client', async () => {
    const client = pod.open(['a'], undefined, { dialect: 'plain' }).flow()
    await settle()
    expect(client.all).toHaveLength(1)
  })

  it('has the routes of the standard endpoint, which keeps its own dialect', async () => {
    const { routes } = pod.sser.endpoint({ dialect: 'plain' })
    const response = await routes.request('/?stream=a')
    const client = new Client(response).flow()
    const standard = pod.connect('a')
    await settle()
    expect(textOf(client)).toMatch(/^: sser-position/)
    expect(textOf(standard)).toMatch(/^event: sser-position/)
  })

  it.each([
    [{ dialect: 'json' }, 'endpoint(): option "dialect": expected "standard" or "plain", got "json"'],
    [{ dialekt: 'plain' }, 'there is no option "dialekt"; did you mean "dialect"?'],
  ])('is not made with %j', (options, message) => {
    expect(() => pod.sser.endpoint(options as object)).toThrow(message)
  })
})
