import { fileURLToPath } from 'node:url'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { acceptsOnlyEventStream } from '../../src/admission/accept-header.ts'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'

const SCRIPT = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
const closes: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close()
  await endPods()
})

/** A Pod whose one connection is open. Returns its URL. */
async function fullPod(fastPath: boolean, lines: string[] = []) {
  const logger = { info: () => {}, warn: (line: string) => void lines.push(line) }
  const sser = new Sser({
    peerFinder: new StaticPeerFinder([]),
    maxConnections: 1,
    drainTimeoutMs: 0,
    internalPort: 0,
    logger,
  })
  const app = new Hono().route('/events', sser.routes)
  const { port, stop } = await serve({ sser, fetch: app.fetch, port: 0, hostname: '127.0.0.1', fastPath })
  closes.push(stop)
  const url = `http://127.0.0.1:${port}`
  await occupy(url)
  return { sser, url }
}

async function occupy(url: string): Promise<void> {
  const raw = await RawClient.events(url, ['a'])
  closes.push(() => raw.socket.destroy())
  await raw.holds('its greeting', (text) => text.includes('sser-position'))
}

async function ask(url: string, accept: string, method = 'GET') {
  const response = await fetch(`${url}/events?stream=a`, { method, headers: { accept } })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

function retryOf(text: string): number {
  const [, ms] =
    /^event: sser-retry\nretry: (\d+)\ndata: {"reason":"too-many-connections"}\n\n$/.exec(text) ?? []
  return Number(ms)
}

it.each([
  ['text/event-stream', true],
  [' Text/Event-Stream ;charset=utf-8', true],
  ['text/event-stream, application/json', false],
  ['text/event-stream, */*;q=0.1', false],
  ['text/event-streams', false],
  ['text/*', false],
  ['*/*', false],
  ['', false],
  [null, false],
])('reads from the Accept header %j whether its client takes event streams alone: %s', (accept, expected) => {
  expect(acceptsOnlyEventStream(accept)).toBe(expected)
})

describe.each([
  ['the fast path', true],
  ['the usual way', false],
])('a client above a limit, by %s', (_, fastPath) => {
  it('gets a stream that names a longer wait, if it accepts event streams alone', async () => {
    const { sser, url } = await fullPod(fastPath)
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(url, 'text/event-stream')))
    for (const { status, headers, text } of answers) {
      expect(status).toBe(200)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'content-length': `${text.length}`,
        'sser-error': 'too-many-connections',
        connection: 'keep-alive',
      })
      expect(retryOf(text)).toBeGreaterThanOrEqual(5_000)
      expect(retryOf(text)).toBeLessThanOrEqual(10_000)
    }
    expect(new Set(answers.map(({ text }) => text)).size).toBeGreaterThan(1)
    expect(sser.stats().rejected).toEqual({ 'too-many-connections': 10 })
    expect(sser.stats().connections).toMatchObject({ open: 1, opened: 1 })
  })

  it('gets 429, if it accepts another type as well', async () => {
    const { url } = await fullPod(fastPath)
    for (const accept of ['text/event-stream, application/json', '*/*']) {
      const { status, headers, text } = await ask(url, accept)
      expect([status, text]).toEqual([429, 'This Pod takes 1 connections\n'])
      expect(headers.get('sser-error')).toBe('too-many-connections')
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(5)
    }
  })

  it('is refused with a status and headers alone where it sends HEAD', async () => {
    const { url } = await fullPod(fastPath)
    const { status, headers, text } = await ask(url, 'text/event-stream', 'HEAD')
    expect([status, headers.get('sser-error'), text]).toEqual([200, 'too-many-connections', ''])
  })
})

it('logs refused clients once a minute for each limit', async () => {
  const lines: string[] = []
  const { url } = await fullPod(true, lines)
  for (const accept of ['*/*', 'text/event-stream', '*/*']) await ask(url, accept)
  expect(lines).toEqual([
    'sser: refuses clients until there is room: This Pod takes 1 connections (too-many-connections)',
  ])
})

it('refuses a client that accepts event streams alone in the same way under Bun', async () => {
  const env = { OPTIONS: JSON.stringify({ maxConnections: 1, retryMs: 20_000 }) }
  const { url } = await PodProcess.start({ runtime: 'bun', host: '127.0.97.1', script: SCRIPT, env })
  await occupy(url)
  const { status, headers, text } = await ask(url, 'text/event-stream')
  expect([status, headers.get('sser-error')]).toEqual([200, 'too-many-connections'])
  expect(headers.get('content-length')).toBe(`${text.length}`)
  expect(retryOf(text)).toBeGreaterThanOrEqual(20_000)
  expect((await ask(url, '*/*')).status).toBe(429)
})
