import type { MiddlewareHandler } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import { runScript } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { ask, endServers, listen, type ServerEnv, startServer } from './one-server.ts'

afterEach(endServers)

describe('on the fast path', () => {
  test('a stop ends every stream with its last chunk, despite stalled clients', async () => {
    const { sser, url, stop } = await startServer()
    const [reading, stalled] = [await listen(url), await listen(url)]
    stalled.socket.pause()
    for (let i = 0; i < 100; i += 1) await sser.send('a', `${i} ${'x'.repeat(50_000)}`)
    await reading.holds('the last event', (text) => text.includes('data: 99 '))
    await until('it wants more', () => reading.text.endsWith('\n\n\r\n'))
    // A client that reads nothing would otherwise keep its socket for 10 s.
    await within('the stop', stop(), 8_000)
    await reading.closed
    expect(reading.text).toMatch(
      /\r\nevent: sser-retry\nretry: \d+\ndata: {"reason":"draining"}\n\n\r\n0\r\n\r\n$/,
    )
  })

  test('a client that stalls gets all that it missed, in order', async () => {
    const { sser, url } = await startServer()
    const raw = await listen(url)
    raw.socket.pause()
    let text = ''
    raw.socket.on('data', (chunk: Buffer) => {
      text += chunk
    })
    const pad = 'x'.repeat(50_000)
    for (let i = 0; i < 200; i += 1) {
      await sser.send('a', `${i} ${pad}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    raw.socket.resume()
    await until('the last event', () => text.includes(`data: 199 ${pad}\n`))
    expect([...text.matchAll(/data: (\d+) x/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: 200 }, (_, i) => i),
    )
    expect(text).not.toContain('sser-gap')
  })

  test('bytes that a client sends after its request are read and ignored', async () => {
    const { sser, url } = await startServer()
    const raw = await listen(url)
    for (const said of [
      'GET /plain HTTP/1.1\r\nHost: x\r\n\r\n',
      '\u0000\u0001 no HTTP at all',
      'x'.repeat(1_000_000),
    ]) {
      raw.socket.write(said)
      await sser.send('a', `after ${said.length}`)
      await raw.holds('the event', (text) => text.includes(`data: after ${said.length}\n`))
    }
    expect(raw.text).not.toContain('plain')
    expect(sser.connections).toBe(1)
  })

  test('a client that sends two requests at once gets one stream', async () => {
    const { sser, url } = await startServer()
    for (let i = 0; i < 5; i += 1) {
      const raw = await RawClient.open(url)
      const ask = `GET /events?stream=a HTTP/1.1\r\nHost: x\r\n\r\n`
      raw.socket.write(ask + ask)
      await raw.closed
      expect(raw.text.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
      await until('no connection is left', () => sser.connections === 0)
    }
    const other = await listen(url)
    await sser.send('a', 'x')
    await other.holds('the event', (text) => text.includes('data: x\nid: '))
  })

  test('a request for events behind another is told to retry', async () => {
    const { sser, url } = await startServer()
    const raw = await RawClient.open(url)
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    raw.socket.write(get('/plain') + get('/events?stream=a'))
    const text = await raw.holds('both answers', (got) =>
      got.endsWith('\r\n\r\nevent: sser-retry\ndata: {"reason":"pipelined"}\n\n'),
    )
    expect(text.toLowerCase().match(/^content-type: .*(?=\r)/gm)).toEqual([
      'content-type: text/plain; charset=utf-8',
      'content-type: text/event-stream; charset=utf-8',
    ])
    expect(sser.connections).toBe(0)
    raw.socket.destroy()
  })

  test('a request pipelined behind another gets its rejection unchanged', async () => {
    const refuse: MiddlewareHandler = async (c, next) => {
      await next()
      if (c.req.path !== '/events') return
      c.res = new Response('no', { status: 403, headers: { 'content-length': '2' } })
    }
    const { url } = await startServer([refuse])
    const raw = await RawClient.open(url)
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    raw.socket.write(get('/plain') + get('/events?stream=a') + get('/plain'))
    const text = await raw.holds('all answers', (got) => got.split('HTTP/1.1 ').length === 4)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200'])
    expect(text).toMatch(/\r\n\r\nnoHTTP/)
    raw.socket.destroy()
  })

  test('a client that pipelines requests for other streams leaves none behind', async () => {
    const zip: MiddlewareHandler = async (c, next) => {
      await next()
      if (c.req.path !== '/events') return
      c.res = new Response(c.res.body?.pipeThrough(new CompressionStream('gzip')), {
        headers: { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' },
      })
    }
    const { sser, url } = await startServer([zip])
    const raw = await RawClient.open(url)
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    raw.socket.write(get('/plain') + get('/events?stream=a').repeat(50))
    const answers = (got: string) => got.split('\r\n\r\nevent: sser-retry\n').length
    const text = await raw.holds('the answers', (got) => answers(got) === 51)
    expect(text).not.toContain('content-encoding')
    await until('no connection is left', () => sser.connections === 0)
    raw.socket.destroy()
  })

  test.each<[string, (raw: RawClient) => void]>([
    ['closes', (raw) => raw.socket.end()],
    ['breaks off', (raw) => raw.socket.resetAndDestroy()],
  ])('a client that %s leaves nothing behind', async (_, leave) => {
    const { sser, url } = await startServer()
    leave(await listen(url))
    await until('no connection is left', () => sser.connections === 0)
    // Also one that does so before it is greeted.
    for (let i = 0; i < 50; i += 1) {
      const raw = await ask(url)
      if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
      leave(raw)
    }
    await until('no connection is left', () => sser.connections === 0)
    const raw = await listen(url)
    await sser.send('a', 'x')
    await raw.holds('the event', (text) => text.includes('data: x\nid: '))
  })

  test('a response that is destroyed between its head and its first event leaves nothing behind', async () => {
    const destroy: MiddlewareHandler<ServerEnv> = async (c, next) => {
      await next()
      process.nextTick(() => c.env.outgoing.destroy())
    }
    const { sser, url } = await startServer([destroy])
    for (let i = 0; i < 5; i += 1) {
      await (await ask(url)).closed
      await new Promise((resolve) => setImmediate(resolve))
      expect(sser.connections).toBe(0)
    }
  })

  test('the order in which adapters load makes no difference', async () => {
    const { stdout } = await runScript('node', new URL('./late-import.ts', import.meta.url), {})
    expect(stdout).toMatch(/^connection: close\n/)
    expect(stdout).toContain('data: x\n')
  })
})
