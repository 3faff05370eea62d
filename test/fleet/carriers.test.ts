import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline, Readable, Writable } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { etag } from 'hono/etag'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Sser } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { endAppServers, quickSser } from '../support/app-server.ts'
import { clonesCallTee } from '../support/clones-call-tee.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

const HOST = '127.0.52.1'
const MESSAGE_BYTES = 1_000_000

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  await endAppServers()
})

type Carry = (response: Response, outgoing: ServerResponse) => unknown

function toNode(response: Response): Readable {
  return Readable.fromWeb(response.body as unknown as Parameters<typeof Readable.fromWeb>[0])
}

/** How servers other than ours write a response to Node's, after its head. */
const CARRIERS: Record<string, Carry> = {
  'pipe(), as in Express': (response, outgoing) => toNode(response).pipe(outgoing),
  'pipeline(), as in Koa': (response, outgoing) => pipeline(toNode(response), outgoing, () => {}),
  'pipeTo(), as in h3': (response, outgoing) => {
    response.body?.pipeTo(Writable.toWeb(outgoing)).catch(() => {})
  },
  'an unguarded loop, as in @whatwg-node/server': async (response, outgoing) => {
    for await (const chunk of response.body as ReadableStream<Uint8Array>)
      if (!outgoing.write(chunk) && !outgoing.destroyed)
        await new Promise<void>((resolve) => outgoing.once('drain', resolve))
    outgoing.end()
  },
}

async function startSser(settings: object = {}): Promise<Sser> {
  const sser = quickSser({ maxMessageBytes: MESSAGE_BYTES, ...settings })
  await sser.start()
  return sser
}

async function listenOn(server: ReturnType<typeof createServer>): Promise<string> {
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
  return `http://${HOST}:${(server.address() as AddressInfo).port}`
}

/** A server of another framework around `sser.handler`. */
function carriedBy(carry: Carry, sser: Sser, passesEnv: boolean): Promise<string> {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const request = new Request(`http://x${incoming.url}`, {
      headers: incoming.headers as Record<string, string>,
    })
    const response = await sser.handler(request, passesEnv ? { incoming, outgoing } : undefined)
    for (const [name, value] of response.headers) outgoing.setHeader(name, value)
    outgoing.writeHead(response.status)
    outgoing.flushHeaders()
    await carry(response, outgoing)
  }
  return listenOn(createServer((incoming, outgoing) => void answer(incoming, outgoing)))
}

async function greeted(url: string): Promise<RawClient> {
  const raw = await RawClient.events(url, ['a'])
  ends.push(() => raw.socket.destroy())
  await raw.holds('a greeting', (text) => text.includes('sser-position'))
  return raw
}

/** Sends more than the kernel holds for a client that does not read. */
async function flood(sser: Sser): Promise<void> {
  for (let i = 0; i < 24; i += 1) {
    await sser.send('a', 'x'.repeat(MESSAGE_BYTES - 1))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** `Writable.toWeb()` of Node 22 reads on although its stream is full, so that no stall can be seen behind it. */
const hidesStalls = (carrier: string) => carrier.startsWith('pipeTo()') && process.version.startsWith('v22.')

const STALLS = { heartbeatMs: 1_000, slowClientTimeoutMs: 1_000 }

describe.each(Object.entries(CARRIERS))('an event stream that is carried by %s', (carrier, carry) => {
  test.skipIf(hidesStalls(carrier))(
    'ends plainly where its client does not read, and no error is thrown',
    async () => {
      const sser = await startSser(STALLS)
      const raw = await greeted(await carriedBy(carry, sser, false))
      raw.socket.pause()
      await flood(sser)
      await until('the connection is cut', () => sser.connections === 0)
      expect(sser.stats().rejected).toMatchObject({ 'slow-client': 1 })
      raw.socket.resume()
      await raw.holds('the end of the body', (text) => text.endsWith('\r\n0\r\n\r\n'))
    },
  )

  test('ends with its client because the caller passes Node’s response on', async () => {
    const sser = await startSser()
    const raw = await greeted(await carriedBy(carry, sser, true))
    expect(sser.connections).toBe(1)
    raw.socket.resetAndDestroy()
    await until('the connection is over', () => sser.connections === 0)
  })

  test.skipIf(hidesStalls(carrier))(
    'has its socket closed where its client does not read, because the caller passes Node’s response on',
    async () => {
      const sser = await startSser(STALLS)
      const raw = await greeted(await carriedBy(carry, sser, true))
      raw.socket.pause()
      await flood(sser)
      await until('the connection is cut', () => sser.connections === 0)
      raw.socket.resume()
      await within('its socket is closed', raw.closed)
      expect(raw.text.endsWith('\r\n0\r\n\r\n')).toBe(false)
    },
  )
})

test('plain @hono/node-server prints nothing about a client that does not read', async () => {
  const print = vi.spyOn(console, 'error').mockImplementation(() => {})
  ends.push(() => print.mockRestore())
  const sser = await startSser(STALLS)
  const app = new Hono().route('/events', sser.routes)
  const raw = await greeted(await listenOn(createAdaptorServer({ fetch: app.fetch }) as never))
  raw.socket.pause()
  await flood(sser)
  await until('the connection is cut', () => sser.connections === 0)
  raw.socket.resume()
  await within('its socket is closed', raw.closed)
  expect(print).not.toHaveBeenCalled()
})

/** Reads a clone of each response to its end, as a middleware that records bodies does. */
const readsClone: MiddlewareHandler = async (c, next) => {
  await next()
  void c.res.clone().text()
}

describe.each([
  ['the fast path', true],
  ['the usual way', false],
])('under serve() by %s', (_, fastPath) => {
  async function start(front: MiddlewareHandler, settings: object = {}) {
    const sser = await startSser(settings)
    const app = new Hono().use(front).route('/events', sser.routes)
    const served = await serve({ sser, fetch: app.fetch, hostname: HOST, port: 0, fastPath })
    ends.push(served.stop)
    return { sser, url: `http://${HOST}:${served.port}` }
  }

  test('does not let hono/etag delay or buffer an event stream', async () => {
    const { sser, url } = await start(etag())
    const raw = await greeted(url)
    await sser.send('a', 'x')
    await raw.holds('the event', (text) => text.includes('data: x\n'))
    raw.socket.destroy()
    await until('the connection is over', () => sser.connections === 0)
  })

  test('does not let hono/etag answer 304 to a request for events', async () => {
    const { url } = await start(etag())
    const ask = (headers: Record<string, string>) => fetch(`${url}/events?stream=a`, { headers })
    const first = await ask({})
    const tag = first.headers.get('etag') as string
    const second = await ask({ 'if-none-match': tag })
    expect([second.status, second.headers.get('etag') === tag]).toEqual([200, false])
    for (const { body } of [first, second]) await body?.cancel()
  })

  test('notices that a client has gone while a clone is read', async () => {
    const { sser, url } = await start(readsClone)
    const raw = await greeted(url)
    raw.socket.destroy()
    await until('the connection is over', () => sser.connections === 0)
  })

  test('disconnects a client that does not read while a clone is read', {
    skip: !clonesCallTee,
  }, async () => {
    const { sser, url } = await start(readsClone, STALLS)
    const raw = await greeted(url)
    raw.socket.pause()
    await flood(sser)
    await until('the connection is cut', () => sser.connections === 0)
    expect(sser.stats().rejected).toMatchObject({ 'slow-client': 1 })
  })
})
