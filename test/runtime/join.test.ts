import { createServer } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { join, type NodeJoinOptions, toNodeHandler } from '../../src/node.ts'
import { endAppServers, greeted, listenOn, quickSser } from '../support/app-server.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

const HOST = '127.0.53.1'
const { Request: nativeRequest, Response: nativeResponse } = globalThis

afterEach(endAppServers)

/** A Pod whose app has `/events`, and `/held`, which sends an event and answers after `release()`. */
async function start(options: Partial<NodeJoinOptions> = {}, fastPath?: boolean) {
  const sser = quickSser()
  const events = toNodeHandler(sser, { fastPath })
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const held: string[] = []
  const server = createServer(async (req, res) => {
    if (req.url?.startsWith('/events')) return events(req, res)
    held.push(String(req.url))
    await released
    await sser.send('a', 'from a request')
    res.end('sent')
  })
  const pod = await join({ sser, server, internalHostname: HOST, signals: false, ...options })
  return { sser, server, pod, held, release, url: await listenOn(server) }
}

describe('join()', () => {
  test('starts the instance and binds the internal port', async () => {
    const { sser, pod } = await start()
    expect(sser.state).toBe('ready')
    expect(pod.opsPort).toBe(pod.internalPort)
    const ready = await fetch(`http://${HOST}:${pod.internalPort}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, state: 'ready' }])
  })

  test('binds the routes for operations to opsPort, and not to the internal port', async () => {
    const { pod } = await start({ opsPort: 0 })
    expect((await fetch(`http://${HOST}:${pod.opsPort}/readyz`)).status).toBe(200)
    expect((await fetch(`http://${HOST}:${pod.internalPort}/readyz`)).status).toBe(404)
  })

  test('ends streams, then lets requests finish, then calls beforeFlush, and then frees its ports', async () => {
    const order: string[] = []
    const { sser, server, pod, held, release, url } = await start({
      beforeFlush: async () => {
        order.push(`beforeFlush, ${sser.state}, listening: ${server.listening}`)
        await sser.send('a', 'from beforeFlush')
      },
    })
    const client = await greeted(url)
    server.once('request', (_, res) => res.once('finish', () => order.push('sent')))
    const asked = fetch(`${url}/held`)
    await until('the request is in flight', () => held.length === 1)
    const stopping = pod.stop().then(() => order.push('stopped'))
    await client.closed
    expect(client.text).toMatch(/event: sser-retry\n[\s\S]*\r\n0\r\n\r\n$/)
    expect(order).toEqual([])
    release()
    expect(await (await asked).text()).toBe('sent')
    await stopping
    expect(order).toEqual(['sent', 'beforeFlush, draining, listening: false', 'stopped'])
    await expect(fetch(`http://${HOST}:${pod.internalPort}/readyz`)).rejects.toThrow()
  })

  test('closes the connection with each response of the app while the Pod drains', async () => {
    const { sser, server, pod, held, release, url } = await start()
    const early = fetch(`${url}/held`)
    await until('a request is in flight', () => held.length === 1)
    let accepted: Socket | undefined
    server.once('connection', (connection) => {
      accepted = connection
    })
    const socket = await RawClient.open(url)
    // A stop closes a connection on which nothing has come after a second, which a busy machine may exceed.
    socket.socket.write('GET /late HTTP/1.1\r\n')
    await until('its first bytes are there', () => (accepted?.bytesRead ?? 0) > 0)
    const { promise: drained, resolve } = Promise.withResolvers<void>()
    void sser.stop({ beforeFlush: () => drained })
    await until('the Pod drains', () => sser.state === 'draining')
    socket.socket.write('Host: x\r\n\r\n')
    await until('the late request is there', () => held.length === 2)
    release()
    expect(await socket.holds('an answer', (text) => text.endsWith('sent'))).toMatch(
      /\r\nConnection: close\r\n/,
    )
    expect((await early).status).toBe(200)
    resolve()
    await pod.stop()
  })

  test('cuts requests in flight, and gives up on beforeFlush, after requestDrainTimeoutMs', async () => {
    const hangs = () => new Promise<void>(() => {})
    const { pod, held, url } = await start({ requestDrainTimeoutMs: 50, beforeFlush: hangs })
    const cut = fetch(`${url}/held`).catch(() => 'cut')
    await until('the request is in flight', () => held.length === 1)
    await within('it stops', pod.stop(), 8_000)
    expect(await cut).toBe('cut')
  })

  test('does not wait for connections that ask for nothing', async () => {
    const { pod, url } = await start({ requestDrainTimeoutMs: 60_000 })
    const idle = connect(Number(new URL(url).port), HOST)
    await new Promise((resolve) => idle.once('connect', resolve))
    await within('it stops', pod.stop(), 5_000)
    idle.destroy()
  })

  test('ends a connection that sends a request behind an event stream, because its response would wait', async () => {
    const { url } = await start({}, false)
    const raw = await greeted(url)
    raw.socket.write('GET /behind HTTP/1.1\r\nHost: x\r\n\r\n')
    await within('the connection ends', raw.closed)
  })

  test('stops when it leaves the scope of `await using`', async () => {
    const { sser, pod } = await start()
    {
      await using _ = pod
    }
    expect(sser.state).toBe('stopped')
  })

  test('listens to signals unless `signals` is false', async () => {
    const count = () => process.listenerCount('SIGTERM')
    const before = count()
    const { pod } = await start({ signals: true })
    expect(count()).toBe(before + 1)
    await pod.stop()
    expect(count()).toBe(before)
    await start({ signals: false })
    expect(count()).toBe(before)
  })

  test('leaves the global Request and Response to the app’s framework', async () => {
    await start()
    expect([globalThis.Request, globalThis.Response]).toEqual([nativeRequest, nativeResponse])
  })

  test('names an internal port that is in use, and leaves the app’s server open', async () => {
    const taken = createTcpServer()
    const { port } = new URL(await listenOn(taken as never))
    const server = createServer()
    await listenOn(server)
    const joining = join({
      sser: quickSser({ internalPort: Number(port) }),
      server,
      internalHostname: HOST,
      beforeFlush: () => expect.fail('called'),
    })
    await expect(joining).rejects.toMatchObject({
      code: 'port-in-use',
      message: `Option "internalPort": Port ${port} is in use on ${HOST}`,
    })
    expect(server.listening).toBe(true)
  })

  test.each([
    [
      { server: () => {} },
      'Option "server": expected a server of Node\'s HTTP modules, such as createServer(app), got Function',
    ],
    [
      { beforeFlush: createServer() },
      'Option "beforeFlush": expected a function, such as () => app.close(), got Server',
    ],
    [{ port: 8000 }, 'Option "port": there is no such option'],
    [{ sser: undefined }, 'Option "sser": expected an Sser, got undefined'],
  ])('rejects %o before it binds anything', async (options, message) => {
    const joining = join({ sser: quickSser(), ...options } as never)
    await expect(joining).rejects.toMatchObject({ code: 'invalid-options' })
    await expect(joining).rejects.toThrow(message)
  })
})
