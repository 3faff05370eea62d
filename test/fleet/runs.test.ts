import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EventSource } from 'eventsource'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endPods, PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { until, within } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./run-pod.ts', import.meta.url))
const run = promisify(execFile)

afterAll(() => endPods())

/** A response as a client reads it: its events, and whether its body was complete. */
interface Read {
  status: number
  headers: Headers
  events: EventSourceMessage[]
  isWhole: boolean
}

async function read(url: string, init?: RequestInit): Promise<Read> {
  const response = await fetch(url, init)
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event) })
  const { status, headers } = response
  try {
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) parser.feed(decoder.decode(bytes, { stream: true }))
    return { status, headers, events, isWhole: true }
  } catch {
    return { status, headers, events, isWhole: false }
  }
}

describe.each<[string, Runtime, string, string]>([
  ['node', 'node', '127.0.206.1', 'yes'],
  ['node without the fast path', 'node', '127.0.206.2', 'no'],
  ['bun', 'bun', '127.0.206.3', 'yes'],
])('a run that is read over a socket of %s', (_, runtime, host, fastPath) => {
  let pod: PodProcess

  beforeAll(async () => {
    const OPTIONS = JSON.stringify({ drainTimeoutMs: 800, flushTimeoutMs: 0, retryMs: 200 })
    pod = await PodProcess.start({ runtime, host, script: SCRIPT, env: { FAST_PATH: fastPath, OPTIONS } })
  })

  /** Waits until a client reads. */
  const connected = (count: number) =>
    until(`${count} connections`, async () => (await pod.state()).connections === count)

  test('an EventSource gets every chunk and the end, and stays away', async () => {
    await pod.post('/start/eventsource', {})
    const source = new EventSource(`${pod.url}/events?run=eventsource`)
    const heard: string[] = []
    source.onmessage = ({ data }) => heard.push(data)
    source.addEventListener('sser-end', ({ data }) => heard.push(data))
    await connected(1)
    await pod.post('/write/eventsource', ['one', ' two'])
    await until('the first chunks', () => heard.length === 2)
    await pod.post('/end/eventsource', {})
    await until('the answer 204 ends it', () => source.readyState === EventSource.CLOSED)
    expect(heard).toEqual(['one', ' two', '{"state":"ended"}'])
    await connected(0)
  })

  test('curl reads the whole body, and exits with an error where a failed run breaks it off', async () => {
    await pod.post('/start/curl', {})
    await pod.post('/write/curl', ['whole'])
    const whole = run('curl', ['-sN', `${pod.url}/plain/curl`])
    await connected(1)
    await pod.post('/end/curl', {})
    expect((await within('curl ends', whole)).stdout).toMatch(
      /^: sser-position .*\nretry: 200\ndata: whole\nid: 0\..{3}\n\n: sser-end {"state":"ended"}\n$/,
    )
    await pod.post('/start/broken', {})
    await pod.post('/write/broken', ['half'])
    const broken = run('curl', ['-sN', '-X', 'POST', '--data', '{}', `${pod.url}/plain/broken`])
    await connected(1)
    await pod.post('/fail/broken', {})
    // 18: the transfer ended before the last chunk. 56: the connection was reset.
    const failed = await within(
      'curl ends',
      broken.then(undefined, (error: unknown) => error),
    )
    expect(failed).toMatchObject({
      code: expect.toBeOneOf([18, 56]),
      stdout: expect.stringContaining('half'),
    })
  })

  test('a client of fetch() gets each chunk in the plain dialect, with the headers of the app', async () => {
    await pod.post('/start/fetch', {})
    const reading = read(`${pod.url}/plain/fetch`, { method: 'POST', body: '{"messages":[]}' })
    await connected(1)
    for (const chunk of ['{"a":1}', '{"b":"é\\n"}']) await pod.post('/write/fetch', [chunk])
    await pod.post('/end/fetch', {})
    const { events, headers, isWhole } = await within('the body ends', reading)
    expect(events.map(({ data, event }) => [event, JSON.parse(data)])).toEqual([
      [undefined, { a: 1 }],
      [undefined, { b: 'é\n' }],
    ])
    expect([isWhole, headers.get('x-stream')]).toEqual([true, 'v1'])
    const id = events.at(-1)?.id as string
    const again = await fetch(`${pod.url}/plain/fetch`, { headers: { 'last-event-id': id } })
    expect(again.status).toBe(204)
    const resumed = await read(`${pod.url}/plain/fetch`, {
      headers: { 'last-event-id': events[0]?.id as string },
    })
    expect(resumed.events.map(({ data }) => data)).toEqual(['{"b":"é\\n"}'])
  })

  test('one of 20,000 chunks is complete, also for a client that reads it later', async () => {
    await pod.post('/start/long', {})
    const chunks = Array.from({ length: 20_000 }, (_, i) => `${i} `)
    await pod.post('/write/long', chunks)
    const reading = read(`${pod.url}/plain/long`)
    await pod.post('/end/long', {})
    const { events, isWhole } = await within('the body ends', reading)
    expect(events.map(({ data }) => data).join('')).toBe(chunks.join(''))
    expect(isWhole).toBe(true)
  })

  test('a drain tells an EventSource to come back, and breaks off the body of a client that would not', async () => {
    await pod.post('/start/drained', {})
    await pod.post('/write/drained', ['before'])
    const standard = read(`${pod.url}/events?run=drained`)
    const plain = read(`${pod.url}/plain/drained`)
    await connected(2)
    pod.signal('SIGTERM')
    expect((await within('the drain closes', standard)).events.at(-1)).toMatchObject({
      event: 'sser-retry',
      data: '{"reason":"draining"}',
    })
    const { events, isWhole } = await within('the drain ends', plain)
    expect([events.map(({ data }) => data), isWhole]).toEqual([['before'], false])
    expect(await within('the Pod ends', pod.ended)).toBe(0)
  })
})

describe('a run of another Pod', () => {
  let pods: PodProcess[]

  beforeAll(async () => {
    const OPTIONS = JSON.stringify({ drainTimeoutMs: 0, flushTimeoutMs: 0, retryMs: 200 })
    pods = await startFleet(['node', 'bun'], '127.0.207.1', { script: SCRIPT, env: { OPTIONS } })
  })

  test.each([
    ['node', 'bun', 0, 1],
    ['bun', 'node', 1, 0],
  ])(
    'that %s writes is read from %s, after the last chunk, in both dialects',
    async (_runtime, _other, from, to) => {
      const [producer, other] = [pods[from] as PodProcess, pods[to] as PodProcess]
      const name = `moving${from}`
      await producer.post(`/start/${name}`, {})
      await producer.post(`/write/${name}`, ['one', 'two', 'three'])
      const live = read(`${other.url}/events?run=${name}`)
      const plain = read(`${other.url}/plain/${name}`)
      await until('both read', async () => (await other.state()).connections === 2)
      await producer.post(`/write/${name}`, ['four'])
      await producer.post(`/end/${name}`, {})
      const { events } = await within('the run ends', live)
      expect(events.map(({ event = 'message', data }) => [event, data])).toEqual([
        ['sser-position', '{"resumed":false}'],
        ['message', 'one'],
        ['message', 'two'],
        ['message', 'three'],
        ['message', 'four'],
        ['sser-end', '{"state":"ended"}'],
      ])
      const all = await within('the run ends', plain)
      expect([all.isWhole, all.events.map(({ data }) => data)]).toEqual([
        true,
        ['one', 'two', 'three', 'four'],
      ])
      // The client has read two chunks from one Pod, and comes to the other one.
      const resumed = await read(`${producer.url}/events?run=${name}`, {
        headers: { 'last-event-id': events[2]?.id as string },
      })
      expect(resumed.events.map(({ data }) => data)).toEqual([
        '{"resumed":true}',
        'three',
        'four',
        '{"state":"ended"}',
      ])
      for (const { url } of pods) {
        const told = await fetch(`${url}/events?run=${name}&lastEventId=${events.at(-1)?.id}`)
        expect(told.status).toBe(204)
      }
    },
  )

  test('is told to be lost when the process of its Pod is killed and another one takes its address', async () => {
    const [victim, other] = pods as [PodProcess, PodProcess]
    await victim.post('/start/lost', {})
    await victim.post('/write/lost', ['half'])
    const standard = read(`${other.url}/events?run=lost`)
    const plain = read(`${other.url}/plain/lost`)
    await until('both read', async () => (await other.state()).connections === 2)
    await victim.kill()
    await PodProcess.start(victim.options)
    const { events, isWhole } = await within('the reader is told', standard)
    expect(events.at(-1)).toMatchObject({ event: 'sser-end', data: '{"state":"lost"}' })
    expect([isWhole, events.some(({ data }) => data === 'half')]).toEqual([true, true])
    expect((await within('the reader is told', plain)).isWhole).toBe(false)
    const again = await fetch(`${other.url}/events?run=lost&lastEventId=${events.at(-1)?.id}`)
    expect(again.status).toBe(204)
  })
})
