import diagnostics from 'node:diagnostics_channel'
import { request } from 'node:http'
import { createGunzip } from 'node:zlib'
import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { logger } from 'hono/logger'
import { secureHeaders } from 'hono/secure-headers'
import { Response as UndiciResponse } from 'undici'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import type { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { endServers, listen, type ServerEnv, startServer } from './one-server.ts'

afterEach(endServers)

/** The fast path writes this header itself; on the usual way Node's HTTP does, with capitals. */
const isFast = (raw: RawClient) => /\r\ntransfer-encoding: chunked\r\n/.test(raw.text)

/** The payload of chunks that may still go on. */
function payload(bytes: Buffer): string {
  let rest = bytes.toString('latin1')
  rest = rest.slice(rest.indexOf('\r\n\r\n') + 4)
  let out = ''
  for (;;) {
    const [, size] = /^([0-9a-f]+)\r\n/.exec(rest) ?? []
    if (size === undefined || size === '0') return Buffer.from(out, 'latin1').toString()
    const from = size.length + 2
    const to = from + Number.parseInt(size, 16)
    expect(rest.slice(to, to + 2)).toBe('\r\n')
    out += rest.slice(from, to)
    rest = rest.slice(to + 2)
  }
}

describe('the fast path', () => {
  test.each<[string, MiddlewareHandler[]]>([
    ['by itself', []],
    ['behind cors, secureHeaders and logger', [cors(), secureHeaders(), logger(() => {})]],
    [
      'behind a middleware that waits',
      [
        async (_, next) => {
          await new Promise((resolve) => setTimeout(resolve, 5))
          await next()
        },
      ],
    ],
  ])('sends each event in its own chunk: %s', async (_, front) => {
    const { sser, url } = await startServer(front)
    const raw = await listen(url)
    expect(isFast(raw)).toBe(true)
    for (const msg of ['one', 'zwölf', '一😀', 'x'.repeat(50_000)]) await sser.send('a', msg)
    await raw.holds('all events', (text) => text.includes(`${'x'.repeat(50_000)}\nid: `))
    expect(payload(raw.bytes).match(/^data: ?.{0,5}/gm)).toEqual([
      'data: {"res',
      'data: one',
      'data: zwölf',
      'data: 一😀',
      'data: xxxxx',
    ])
  })

  test('sends the headers of middleware, each cookie included', async () => {
    const cookies: MiddlewareHandler = async (c, next) => {
      await next()
      c.header('set-cookie', 'a=1', { append: true })
      c.header('set-cookie', 'b=2', { append: true })
      c.header('x-own', 'yes')
    }
    const raw = await listen((await startServer([cookies])).url)
    expect(isFast(raw)).toBe(true)
    expect(raw.text.match(/^(set-cookie|x-own): .*(?=\r)/gim)).toEqual([
      'set-cookie: a=1',
      'set-cookie: b=2',
      'x-own: yes',
    ])
  })

  test('leaves other responses unchanged', async () => {
    const { url } = await startServer()
    for (let i = 0; i < 3; i += 1) expect(await (await fetch(`${url}/plain`)).text()).toBe('plain')
    const head = await fetch(`${url}/events?stream=a`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect((await fetch(`${url}/events`)).status).toBe(400)
  })
})

describe('the usual way', () => {
  test('serves if the option turns the fast path off', async () => {
    const { sser, url } = await startServer([], { fastPath: false })
    const raw = await listen(url)
    expect(isFast(raw)).toBe(false)
    await sser.send('a', 'x')
    await raw.holds('the event', (text) => text.includes('data: x\nid: '))
  })

  test('serves HTTP/1.0', async () => {
    const { sser, url } = await startServer()
    const raw = await listen(url, '1.0')
    expect(raw.text).not.toMatch(/transfer-encoding/i)
    await sser.send('a', 'x')
    await raw.holds('the event', (text) => /data: x\nid: .*\n\n$/.test(text))
  })

  test('serves a response that a middleware compresses', async () => {
    const gzip: MiddlewareHandler = async (c, next) => {
      await next()
      c.res = new Response(c.res.body?.pipeThrough(new CompressionStream('gzip')), c.res)
      c.res.headers.set('content-encoding', 'gzip')
    }
    const { sser, url } = await startServer([gzip])
    const text = await new Promise<string>((resolve, reject) => {
      const asking = request(`${url}/events?stream=a`, (response) => {
        expect(response.headers['content-encoding']).toBe('gzip')
        const gunzip = response.pipe(createGunzip())
        let got = ''
        gunzip.on('error', reject).on('end', () => resolve(got))
        gunzip.on('data', (chunk: Buffer) => {
          got += chunk
        })
      })
      asking.on('error', reject).end()
      void until('the client is there', () => sser.connections === 1)
        .then(() => sser.send('a', 'x'))
        // The end flushes the compressor's buffer.
        .then(() => sser.stop())
        .catch(reject)
    })
    expect(text).toContain('data: x\nid: ')
  })

  test('serves if another module wraps the methods of Node’s response', async () => {
    const written: Buffer[] = []
    const onRequest = ({ outgoing }: ServerEnv['Bindings']) => {
      const write = outgoing.write.bind(outgoing)
      outgoing.write = (chunk: Buffer) => {
        written.push(chunk)
        return write(chunk)
      }
    }
    const { sser, url } = await startServer([], { onRequest })
    const raw = await listen(url)
    await sser.send('a', 'x')
    await raw.holds('the event', (text) => text.includes('data: x\nid: '))
    expect(Buffer.concat(written).toString()).toContain('data: x\nid: ')
  })

  test('serves a response that a middleware changes', async () => {
    const shout: MiddlewareHandler = async (c, next) => {
      await next()
      const loud = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          const text = new TextDecoder().decode(chunk).replace('data: x', 'data: X!')
          controller.enqueue(new TextEncoder().encode(text))
        },
      })
      c.res = new Response(c.res.body?.pipeThrough(loud), c.res)
    }
    const { sser, url } = await startServer([shout])
    const raw = await listen(url)
    await sser.send('a', 'x')
    await raw.holds('the changed event', (text) => text.includes('data: X!\n'))
  })
})

describe('the end of a client’s connection', () => {
  test('aborts the signal of the request, and nothing else does', async () => {
    const aborts: string[] = []
    const watch: MiddlewareHandler = async (c, next) => {
      const index = aborts.push('connected') - 1
      c.req.raw.signal.addEventListener('abort', () => {
        aborts[index] = 'gone'
      })
      await next()
    }
    const { sser, url, stop } = await startServer([watch])
    const [going, staying] = [await listen(url), await listen(url)]
    await sser.send('a', 'x')
    for (const raw of [going, staying]) await raw.holds('the event', (text) => text.includes('data: x\nid: '))
    expect(aborts).toEqual(['connected', 'connected'])
    going.socket.destroy()
    await until('the first aborts', () => aborts[0] === 'gone')
    await until('one is left', () => sser.connections === 1)
    // A stream that the Pod ends has not been aborted.
    await stop()
    await staying.closed
    expect(aborts).toEqual(['gone', 'connected'])
  })

  test.each(['before the app', 'in it', 'in it, after a wait'])(
    'is reported by the response’s close event: %s',
    async (where) => {
      let closes = 0
      const watch = ({ outgoing }: ServerEnv['Bindings']) => {
        outgoing.on('close', () => {
          closes += 1
        })
      }
      const middleware: MiddlewareHandler<ServerEnv> = async (c, next) => {
        if (where.endsWith('wait')) await new Promise((resolve) => setTimeout(resolve, 5))
        watch(c.env)
        await next()
      }
      const { sser, url, stop } = await (where === 'before the app'
        ? startServer([], { onRequest: watch })
        : startServer([middleware]))
      const [going, staying] = [await listen(url), await listen(url)]
      expect([isFast(going), closes]).toEqual([true, 0])
      going.socket.destroy()
      await until('the first closes', () => closes === 1)
      await sser.send('a', 'x')
      await stop()
      await staying.closed
      expect(payload(staying.bytes)).toMatch(
        /data: x\nid: .*\n\nevent: sser-retry\nretry: \d+\ndata: {"reason":"draining"}\n\n$/,
      )
      expect(staying.text.endsWith('\r\n0\r\n\r\n')).toBe(true)
      expect(closes).toBe(2)
    },
  )

  test('is reported by the response’s finish event and diagnostics channel', async () => {
    let finishes = 0
    const watch: MiddlewareHandler<ServerEnv> = async (c, next) => {
      c.env.outgoing.once('finish', () => {
        finishes += 1
      })
      await next()
    }
    const { sser, url } = await startServer([watch])
    const raw = await listen(url)
    expect([isFast(raw), finishes]).toEqual([true, 0])
    await sser.disconnect({ stream: 'a' })
    await raw.closed
    await until('it has finished', () => finishes === 1)
    const { sser: other, url: otherUrl } = await startServer()
    const published = vi.fn()
    diagnostics.subscribe('http.server.response.finish', published)
    try {
      const second = await listen(otherUrl)
      expect(isFast(second)).toBe(true)
      await other.disconnect({ stream: 'a' })
      await second.closed
      await until('it was published', () => published.mock.calls.length === 1)
    } finally {
      diagnostics.unsubscribe('http.server.response.finish', published)
    }
  })
})

describe('responses of the app', () => {
  test.each([true, false])(
    'are served from another realm, at once or later; fast path: %s',
    async (fastPath) => {
      const sser = new Sser({ peerFinder: new StaticPeerFinder([]), internalPort: 0, logger: false })
      const later = new Set(['/later'])
      const fetch = (request: Request) => {
        const response = new UndiciResponse('hello') as unknown as Response
        return later.has(new URL(request.url).pathname) ? Promise.resolve(response) : response
      }
      const served = await serve({ sser, fetch, hostname: '127.0.51.2', port: 0, fastPath })
      try {
        for (const path of ['/', '/later']) {
          const response = await globalThis.fetch(`http://127.0.51.2:${served.port}${path}`)
          expect([response.status, await response.text()]).toEqual([200, 'hello'])
        }
      } finally {
        await served.stop()
      }
    },
  )
})
