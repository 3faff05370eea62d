import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { SserOptions } from '../../src/index.ts'
import { join, toNodeHandler } from '../../src/node.ts'
import { endAppServers, greeted, listenOn, quickSser, serveBy } from '../support/app-server.ts'
import { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

afterEach(async () => {
  await endAppServers()
  vi.restoreAllMocks()
})

type Middleware = (req: IncomingMessage & { originalUrl?: string }, res: ServerResponse) => unknown

/** Events behind a middleware, at every path. */
async function start(middleware: Middleware = () => {}, options: SserOptions = {}, fastPath?: boolean) {
  const sser = quickSser(options)
  await sser.start()
  const handler = toNodeHandler(sser, { fastPath })
  const listener: RequestListener = async (req, res) => {
    await middleware(req, res)
    await handler(req, res)
  }
  return { sser, handler, url: await serveBy(listener) }
}

/** The fast path writes this header itself, in lower case. */
const isFast = (raw: RawClient) => /\r\ntransfer-encoding: chunked\r\n/.test(raw.text)
const delivers = async ({ sser }: Pick<Awaited<ReturnType<typeof start>>, 'sser'>, raw: RawClient) => {
  expect((await sser.send('a', 'x')).connections).toBe(1)
  await raw.holds('the event', (received) => received.includes('data: x\nid: '))
}

describe('toNodeHandler()', () => {
  test('sends events on the fast path, with the headers that middleware has set', async () => {
    const pod = await start((_, res) => {
      res.setHeader('x-powered-by', 'Express')
      res.setHeader('content-type', 'text/plain')
      res.setHeader('vary', 'Origin')
      res.setHeader('set-cookie', ['a=1', 'b=2'])
    })
    const raw = await greeted(pod.url)
    await delivers(pod, raw)
    expect(isFast(raw)).toBe(true)
    const [head = ''] = raw.text.split('\r\n\r\n')
    const headers = head
      .split('\r\n')
      .slice(1)
      .map((line) => line.toLowerCase())
    expect(headers).toEqual(
      expect.arrayContaining([
        'x-powered-by: express',
        'vary: origin',
        'set-cookie: a=1',
        'set-cookie: b=2',
        'content-type: text/event-stream; charset=utf-8',
      ]),
    )
    expect(headers.filter((line) => line.startsWith('content-type'))).toHaveLength(1)
  })

  test('notices at once that a client has left', async () => {
    const { sser, url } = await start()
    const raw = await greeted(url)
    expect(sser.connections).toBe(1)
    raw.socket.destroy()
    await until('it has gone', () => sser.connections === 0)
  })

  test('knows the address of a client', async () => {
    const { url } = await start(undefined, { maxConnectionsPerAddress: 1 })
    await greeted(url)
    const second = await fetch(`${url}/events?stream=a`)
    expect([second.status, second.headers.get('sser-error')]).toEqual([
      429,
      'too-many-connections-from-address',
    ])
    await second.body?.cancel()
    const other = await RawClient.events(url, ['a'], '1.1', '127.0.53.2')
    await other.holds('a greeting', (received) => received.includes('sser-position'))
    other.socket.destroy()
  })

  test('hands authorize the URL that the client requested, below the mount path of Express', async () => {
    const urls: string[] = []
    const after: (string | undefined)[] = []
    const middleware: Middleware = (req) => {
      req.originalUrl = req.url ?? ''
      req.url = req.url?.replace('/events', '/') ?? ''
    }
    const authorize: SserOptions['authorize'] = async ({ req, env }) => {
      urls.push(req.url)
      await null
      after.push((env as { incoming: IncomingMessage }).incoming.url)
      return 'allow' as const
    }
    const pod = await start(middleware, { authorize })
    const raw = await greeted(pod.url)
    await delivers(pod, raw)
    expect(urls).toEqual([`${pod.url}/events?stream=a`])
    expect(after).toEqual(['/?stream=a'])
  })

  test('keeps the fast path where middleware replaces writeHead, as morgan does', async () => {
    const statuses: number[] = []
    const pod = await start((_, res) => {
      const { writeHead } = res
      res.writeHead = function (this: ServerResponse, ...args: [never]) {
        res.setHeader('x-response-time', '1')
        statuses.push(Number(args[0]))
        return writeHead.apply(this, args)
      } as never
    })
    const raw = await greeted(pod.url)
    await delivers(pod, raw)
    expect(isFast(raw)).toBe(true)
    expect(raw.text).toMatch(/\r\nx-response-time: 1\r\n/)
    expect(statuses).toEqual([200])
  })

  test.each(['write', 'end'] as const)(
    'passes every byte to a middleware that replaces %s',
    async (method) => {
      const pod = await start((_, res) => {
        const original = res[method].bind(res) as (...args: never[]) => never
        res[method] = ((...args: never[]) => original(...args)) as never
      })
      const raw = await greeted(pod.url)
      await delivers(pod, raw)
      expect(isFast(raw)).toBe(false)
    },
  )

  test('serves without the fast path if the option says so', async () => {
    const pod = await start(undefined, {}, false)
    const raw = await greeted(pod.url)
    await delivers(pod, raw)
    expect(isFast(raw)).toBe(false)
  })

  test('serves a GET whose body a parser has read', async () => {
    const bodies: string[] = []
    const pod = await start(async (req) => bodies.push(await text(req)))
    const raw = await RawClient.open(pod.url)
    raw.socket.write('GET /events?stream=a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}')
    await raw.holds('a greeting', (received) => received.includes('sser-position'))
    await delivers(pod, raw)
    expect(bodies).toEqual(['{}'])
    raw.socket.destroy()
  })

  test.each([
    ['a POST', { method: 'POST', body: 'x' }, 405],
    ['another type', { headers: { accept: 'text/html' } }, 406],
  ])('refuses %s', async (_, init, status) => {
    const { url } = await start()
    expect((await fetch(`${url}/events?stream=a`, init)).status).toBe(status)
  })

  test('closes a connection that was authorized before a disconnect() during middleware', async () => {
    const sser = quickSser({ authorize: () => ({ streams: ['a'], tags: ['user:17'] }) })
    const handler = toNodeHandler(sser)
    const server = createServer(async (req, res) => {
      // As a middleware whose look-up of the session has begun before the session is revoked.
      await sser.disconnect({ tag: 'user:17' })
      await handler(req, res)
    })
    await using _ = await join({ sser, server, internalHostname: '127.0.53.1', signals: false })
    const raw = await RawClient.events(await listenOn(server), ['a'])
    await raw.closed
    expect(raw.text).toContain('HTTP/1.1 200')
  })

  test('serves HTTP/2, whose streams share a connection', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const sser = quickSser()
    const handler = toNodeHandler(sser)
    const server = createHttp2Server((req, res) => void handler(req, res))
    await using pod = await join({ sser, server, internalHostname: '127.0.53.1', signals: false })
    const session = connect(await listenOn(server as never))
    const open = (stream: string) => {
      const got = { text: '', isEnded: false }
      session
        .request({ ':path': `/events?stream=${stream}` })
        .setEncoding('utf8')
        .on('data', (chunk: string) => (got.text += chunk))
        .on('end', () => (got.isEnded = true))
      return got
    }
    const streams = [open('a'), open('b')]
    await until('both are greeted', () => streams.every(({ text }) => text.includes('sser-position')))
    await sser.disconnect({ stream: 'b' })
    await until('one has ended', () => streams[1]?.isEnded === true)
    await sser.send('a', 'x')
    await until('the other has the event', () => streams[0]?.text.includes('data: x\n') === true)
    const closed = new Promise((resolve) => session.once('close', resolve))
    await pod.stop()
    await closed
    expect(streams[0]?.isEnded).toBe(true)
    expect(warnings).not.toHaveBeenCalled()
  })

  test('serves HTTPS on the fast path', async () => {
    const sser = quickSser()
    await sser.start()
    const handler = toNodeHandler(sser)
    const tls = (name: string) => readFileSync(new URL(`../security/tls/${name}`, import.meta.url))
    const server = createTlsServer(
      { key: tls('pod.key'), cert: tls('pod.crt') },
      (req, res) => void handler(req, res),
    )
    const { hostname, port } = new URL(await listenOn(server as never))
    const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false })
    let received = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk
    })
    socket.write('GET /events?stream=a HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('a greeting', () => received.includes('sser-position'))
    expect(received).toMatch(/\r\ntransfer-encoding: chunked\r\n/)
    await sser.send('a', 'x')
    await until('the event', () => received.includes('data: x\n'))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await sser.stop()
    await closed
    expect(received).toMatch(/\r\n0\r\n\r\n$/)
  })

  test('rejects anything but an Sser', () => {
    expect(() => toNodeHandler({} as never)).toThrow('toNodeHandler(): expected an Sser, got')
  })
})
