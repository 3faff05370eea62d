import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { MiddlewareHandler } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { ask, endServers, listen, type ServerEnv, startServer } from '../fleet/one-server.ts'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./pod.ts', import.meta.url))
const PIECES = 10_000
const CONNECTIONS = 40
/** Maximum cost of a connection, its event stream included, in bytes. */
const MAX_EACH = 20_480
/** Memory of code and caches that are used for the first time, in bytes. */
const SPARE_BYTES = 2 * 1_048_576

const raws: RawClient[] = []
afterEach(async () => {
  for (const { socket } of raws.splice(0)) socket.destroy()
  await endServers()
  await endPods()
})

/** Asks for events with a body of pieces of one byte that does not end. */
async function askWithBody(url: string, version: string, from?: string): Promise<RawClient> {
  const raw = await RawClient.open(url, from)
  raws.push(raw)
  const head = `GET /events?stream=a HTTP/${version}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`
  raw.socket.write(head + '1\r\na\r\n'.repeat(PIECES))
  return raw
}

const read = (incoming: IncomingMessage) => incoming.socket.bytesRead

describe.each([
  ['the fast path', true, '1.1'],
  ['the fast path, over HTTP/1.0', true, '1.0'],
  ['the usual way', false, '1.1'],
])('the body of a GET for events, by %s', (_, fastPath, version) => {
  it.each([
    ['while a middleware waits', true],
    ['while the event stream lasts', false],
  ])('is dropped %s', async (__, waits) => {
    const requests: IncomingMessage[] = []
    const going = Promise.withResolvers<void>()
    const watch: MiddlewareHandler<ServerEnv> = async (c, next) => {
      requests.push((c.env as unknown as { incoming: IncomingMessage }).incoming)
      if (waits) await going.promise
      await next()
    }
    const { url } = await startServer([watch], { fastPath })
    const raw = await askWithBody(url, version)
    if (!waits) await raw.holds('a greeting', (text) => text.includes('sser-position'))
    await until('the body has come', () => requests.length === 1 && read(requests[0] as never) > 6 * PIECES)
    const [incoming] = requests as [IncomingMessage]
    await until('nothing of it is kept', () => incoming.readableLength === 0)
    going.resolve()
    await raw.holds('a greeting', (text) => text.includes('sser-position'))
  })
})

describe('serve() under Node', () => {
  it('leaves the body of a GET to an app that reads it', async () => {
    let body = ''
    const readsBody: MiddlewareHandler<ServerEnv> = async (c, next) => {
      const { incoming } = c.env as unknown as { incoming: IncomingMessage }
      for await (const chunk of incoming) body += chunk
      await next()
    }
    const { url } = await startServer([readsBody])
    const raw = await RawClient.open(url)
    raws.push(raw)
    raw.socket.write('GET /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello')
    await raw.holds('the answer', (text) => text.endsWith('plain'))
    expect(body).toBe('hello')
  })
})

describe.each([
  ['node', '1.0', '127.0.53.1'],
  ['node', '1.1', '127.0.53.2'],
  ['bun', '1.1', '127.0.53.3'],
] as const)(
  'clients of a Pod under %s that send bodies with their GET, over HTTP/%s',
  (runtime, version, host) => {
    it('cost no more than 20 KB each', async () => {
      const args = runtime === 'node' ? ['--expose-gc'] : []
      const pod = await PodProcess.start({
        args,
        runtime,
        host,
        script: SCRIPT,
        env: { OPTIONS: '{"logger":false}' },
      })
      const heapBytes = async () => (await (await fetch(`${pod.url}/state`)).json()).heapBytes as number
      await heapBytes()
      const before = await heapBytes()
      const all = await Promise.all(Array.from({ length: CONNECTIONS }, () => askWithBody(pod.url, version)))
      for (const raw of all) await raw.holds('an answer', (text) => text.startsWith('HTTP/1.1 200 '))
      const most = CONNECTIONS * MAX_EACH + SPARE_BYTES
      await until('they cost little', async () => (await heapBytes()) - before < most)
    })
  },
)

describe.each([
  ['the fast path', true],
  ['the usual way', false],
])('requests that come behind an event stream, by %s', (_, fastPath) => {
  it.each([
    ['sent after its greeting', true],
    ['sent with its request', false],
  ])('never reach the app, and end the connection: %s', async (__, waits) => {
    let asked = 0
    const count: MiddlewareHandler<ServerEnv> = async (c, next) => {
      if (c.req.path === '/plain') asked += 1
      await next()
    }
    const { sser, url } = await startServer([count], { fastPath })
    const raw = await RawClient.open(url)
    raws.push(raw)
    const behind = 'GET /plain HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50)
    const first = 'GET /events?stream=a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n'
    if (!waits) raw.socket.write(`${first}a${behind}`)
    else {
      raw.socket.write(first)
      await raw.holds('a greeting', (text) => text.includes('sser-position'))
      raw.socket.write(`a${behind}`)
    }
    await within('the connection ends', raw.closed)
    expect(asked).toBe(0)
    await until('none is left', () => sser.connections === 0)
  })
})

describe('requests that are pipelined on one socket', () => {
  it.each([
    ['64 of them are all answered', 64, 65],
    ['more end the connection', 1_000, 65],
  ])('wait for the one before them while a middleware waits: %s', async (_, behind, most) => {
    let asked = 0
    const going = Promise.withResolvers<void>()
    const wait: MiddlewareHandler<ServerEnv> = async (_c, next) => {
      asked += 1
      await going.promise
      await next()
    }
    const { url } = await startServer([wait])
    const raw = await RawClient.open(url)
    raws.push(raw)
    raw.socket.write('GET /plain HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1 + behind))
    if (behind > 64) await within('the connection ends', raw.closed)
    await until('they are asked', () => asked === most)
    going.resolve()
    if (behind > 64) return
    await raw.holds('every answer', (text) => text.split('HTTP/1.1 200 ').length === 1 + most)
    raw.socket.write('GET /plain HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1 + behind))
    await raw.holds('every answer', (text) => text.split('HTTP/1.1 200 ').length === 1 + 2 * most)
  })

  it.each([
    ['the fast path', true],
    ['the usual way', false],
  ])('begin no event stream behind another, by %s, and end with their client', async (_, fastPath) => {
    const { sser, url } = await startServer([], { fastPath })
    const probe = await listen(url)
    const raw = await RawClient.open(url)
    raws.push(raw)
    raw.socket.write('GET /events?stream=a HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500))
    // Either the first is served, or the connection is lost.
    await Promise.race([
      raw.closed,
      raw.holds('an answer', (text) => text.includes('sser-position')).catch(() => {}),
    ])
    await sser.send('a', 'x')
    await probe.holds('the event', (text) => text.includes('data: x\n'))
    expect(sser.connections).toBeLessThanOrEqual(2)
    raw.socket.destroy()
    await until('one is left', () => sser.connections === 1)
    await within('another is greeted', ask(url))
  })
})
