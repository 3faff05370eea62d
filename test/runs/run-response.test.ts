import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { RunReader } from '../support/run-reader.ts'

let reader: RunReader

beforeEach(async () => {
  reader = await RunReader.start()
})
afterEach(() => reader.fleet.stop())

/** The text of a client's response so far. */
const textOf = ({ chunks }: Client) => Buffer.concat(chunks).toString()

describe('GET ?run=NAME', () => {
  it('answers with the run from its start, then live, then the end of the run and of the body', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    run.write('Hel')
    const client = await reader.read('run=chat:42')
    expect(client.messages).toEqual(['Hel'])
    run.write('lo\nyou')
    await settle()
    expect([client.messages, client.ended]).toEqual([['Hel', 'lo\nyou'], false])
    run.end()
    await settle()
    expect(client.all.map(({ event, data }) => [event, data])).toEqual([
      ['sser-position', '{"resumed":false}'],
      [undefined, 'Hel'],
      [undefined, 'lo\nyou'],
      ['sser-end', '{"state":"ended"}'],
    ])
    expect([client.ended, client.errors, reader.pod.sser.connections]).toEqual([true, [], 0])
  })

  it('resumes after the client’s last chunk, and answers 204 once the client was told the end', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    for (const chunk of ['a', 'b', 'c']) run.write(chunk)
    const first = await reader.read('run=chat:42')
    const [, id = ''] = first.events.map((event) => event.id)
    run.fail('no more tokens')
    const second = await reader.read('run=chat:42', id)
    expect(second.all.map(({ event, data }) => [event, data])).toEqual([
      ['sser-position', '{"resumed":true}'],
      [undefined, 'c'],
      ['sser-end', '{"state":"failed","reason":"no more tokens"}'],
    ])
    // The connection broke between the last chunk and the end.
    const third = await reader.read('run=chat:42', second.events.at(-1)?.id)
    expect(third.all.at(-1)).toMatchObject({ event: 'sser-end', id: expect.stringMatching(/^3\..{3}\.end$/) })
    const response = await reader.ask('run=chat:42', { 'last-event-id': third.lastEventId as string })
    expect([response.status, await response.text()]).toEqual([204, ''])
    const other = await reader.ask(`run=chat:42&lastEventId=${third.lastEventId}`)
    expect(other.status).toBe(204)
  })

  it('tells the end of a run without a chunk once', async () => {
    const run = await reader.pod.sser.startRun('empty')
    run.end()
    const client = await reader.read('run=empty')
    expect(client.all.map(({ event }) => event)).toEqual(['sser-position', 'sser-end'])
    expect((await reader.ask('run=empty', { 'last-event-id': client.lastEventId as string })).status).toBe(
      204,
    )
  })

  it('begins with the next chunk where the URL has from=now', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    run.write('before')
    const client = await reader.read('run=chat:42&from=now')
    run.write('after')
    await settle()
    expect(client.messages).toEqual(['after'])
    // Its first block has an id already, so that a reconnect before the next chunk misses nothing.
    expect(client.all[0]?.id).toMatch(/^0\./)
  })

  it.each([
    ['an id of another run', '5.AAA', 'unknown-id'],
    ['a made-up id', 'x y', 'invalid-id'],
    ['a position of streams', 'abcde-5', 'invalid-id'],
  ])('tells a client with %s of a gap, and begins at the first chunk', async (_, id, reason) => {
    const run = await reader.pod.sser.startRun('chat:42')
    run.write('a')
    const response = reader.ask('run=chat:42', { 'last-event-id': id })
    // An id of an unknown run may belong to a header that is on its way.
    await reader.fleet.clock.advance(2_000)
    const client = await reader.client(await response)
    expect(client.gaps.map(({ data }) => data)).toEqual([`{"reason":"${reason}"}`])
    expect(client.messages).toEqual(['a'])
    expect((await response).headers.get('sser-resume')).toBe('gap')
  })

  it('answers 404 for a name that no Pod knows within two seconds, and holds its connection until then', async () => {
    let response: Response | undefined
    void reader.ask('run=unknown').then((answered) => {
      response = answered
    })
    await reader.fleet.clock.advance(1_900)
    expect(response).toBeUndefined()
    await reader.fleet.clock.advance(200)
    expect([response?.status, response?.headers.get('sser-error')]).toEqual([404, 'run-not-found'])
  })

  it('waits for a run that starts a moment after its client has asked for it', async () => {
    const response = reader.ask('run=soon')
    await reader.fleet.clock.advance(500)
    const run = await reader.pod.sser.startRun('soon')
    run.write('here')
    const client = await reader.client(await response)
    expect(client.messages).toEqual(['here'])
  })

  it.each([
    ['run=a&stream=b', 'got "stream" beside a run'],
    ['run=a&run=b', 'got 2 runs'],
    ['run=a&label=event', 'got "label" beside a run'],
    ['run=a&from=oldest', 'expected "start" or "now"'],
  ])('rejects ?%s with 400', async (query, message) => {
    const response = await reader.ask(query)
    expect([response.status, response.headers.get('sser-error')]).toEqual([400, 'invalid-parameter'])
    expect(await response.text()).toContain(message)
  })

  it('has each header of the app, several cookies too, and keeps its own type', async () => {
    await reader.pod.sser.startRun('chat:42')
    const headers = new Headers({ 'x-request-id': '17', 'content-type': 'text/html' })
    for (const cookie of ['a=1', 'b=2']) headers.append('set-cookie', cookie)
    const response = await reader.respond('chat:42', { headers })
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.get('x-request-id')).toBe('17')
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  })

  it('takes at most 40 bytes for a chunk of four bytes', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    const client = await reader.read('run=chat:42')
    const chunks = 20_000
    const before = textOf(client).length
    for (let i = 0; i < chunks; i += 1) run.write('abcd')
    await reader.fleet.clock.until('all chunks', () => client.events.length === chunks)
    // Alone in its write, a chunk has six bytes of chunked transfer coding more.
    expect((textOf(client).length - before) / chunks + 6).toBeLessThanOrEqual(40)
  })

  it('sends the chunks of one turn of the event loop in one write', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    const client = await reader.read('run=chat:42')
    const before = client.chunks.length
    for (const chunk of ['a', 'b', 'c', 'd']) run.write(chunk)
    await settle()
    expect([client.messages, client.chunks.length - before]).toEqual([['a', 'b', 'c', 'd'], 1])
  })
})

describe('the plain dialect', () => {
  const plain = (headers?: Record<string, string>) => reader.respond('chat:42', { dialect: 'plain' }, headers)

  it('has ids, data and comments alone, and ends with the run', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    const client = await reader.client(await plain())
    run.write('{"n":1}')
    run.write('{"n":2}')
    run.end()
    await settle()
    expect(client.all.map(({ event, data }) => [event, data])).toEqual([
      [undefined, '{"n":1}'],
      [undefined, '{"n":2}'],
    ])
    expect(client.ended).toBe(true)
    const response = await plain({ 'last-event-id': client.lastEventId as string })
    expect(response.status).toBe(204)
  })

  it('breaks the body off where the run has failed, because its end would look like the end of the run', async () => {
    const run = await reader.pod.sser.startRun('chat:42')
    const broken = { once: () => {}, off: () => {}, destroy: vi.fn() }
    const response = await reader.respond('chat:42', { dialect: 'plain', env: { outgoing: broken } })
    const client = await reader.client(response)
    run.write('half')
    run.fail()
    await reader.fleet.clock.advance(1)
    expect(client.messages).toEqual(['half'])
    expect(broken.destroy).toHaveBeenCalledOnce()
  })

  it('answers 503 in place of an empty body while the Pod drains, so that no client takes it for the run', async () => {
    await reader.pod.sser.startRun('chat:42')
    void reader.pod.sser.stop()
    await settle()
    const response = await plain({ accept: '*/*' })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2'])
    const source = await plain({ accept: 'text/event-stream' })
    expect([source.status, await source.text()]).toEqual([
      200,
      ': sser-retry {"reason":"draining"}\nretry: 2000\n',
    ])
  })
})
