import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { afterEach, describe, expect, test } from 'vitest'
import { type EventsHandler, Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const HOST = '127.0.50.1'
const ends: (() => unknown)[] = []

afterEach(async () => {
  closeClients()
  for (const end of ends.splice(0).reverse()) await end()
})

function newSser(): Sser {
  return new Sser({
    peerFinder: new StaticPeerFinder([]),
    internalPort: 0,
    drainTimeoutMs: 0,
    flushTimeoutMs: 0,
  })
}

/** `sser.handler` with no help from `serve()`. */
async function listen(
  handler: EventsHandler,
  overrideGlobalObjects: boolean,
): Promise<{ server: Server; url: string }> {
  const server = createAdaptorServer({ fetch: handler, overrideGlobalObjects }) as Server
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
  ends.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  return { server, url: `http://${HOST}:${(server.address() as AddressInfo).port}` }
}

describe.each([true, false])('with overrideGlobalObjects: %s', (overrideGlobalObjects) => {
  test('events arrive, and disconnects are noticed', async () => {
    const sser = newSser()
    await sser.start()
    ends.push(() => sser.stop())
    const { url } = await listen(sser.handler, overrideGlobalObjects)
    const clients = await Promise.all(Array.from({ length: 5 }, () => StreamClient.open(url, 'a')))
    for (let i = 0; i < 100; i += 1) await sser.send('a', `event ${i}`)
    for (const client of clients) {
      await until('all 100 events', () => client.received.length === 100)
      expect(client.messages).toEqual(Array.from({ length: 100 }, (_, i) => `event ${i}`))
    }
    closeClients()
    await until('no connection is left', () => sser.connections === 0)
  })

  test('a client that stalls and goes on, many times, leaves no listeners behind', async () => {
    const sser = newSser()
    await sser.start()
    ends.push(() => sser.stop())
    const { server, url } = await listen(sser.handler, overrideGlobalObjects)
    let socket: Socket | undefined
    let listeners = () => 0
    server.on('request', (request, response) => {
      socket = request.socket
      listeners = () => [request.socket, response].reduce((sum, emitter) => sum + countListeners(emitter), 0)
    })
    const raw = await RawClient.events(url, ['a'])
    await raw.holds('a greeting', (text) => text.includes('sser-position'))
    const before = listeners()
    for (let round = 0; round < 15; round += 1) {
      raw.take()
      raw.socket.pause()
      const end = performance.now() + 5_000
      // How much the kernel takes for a client that does not read, it decides anew each time.
      while (socket?.writableNeedDrain === false && performance.now() < end) {
        await sser.send('a', `${'x'.repeat(59_000)} ${round}`)
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(socket?.writableNeedDrain).toBe(true)
      raw.socket.resume()
      await until('the buffers are empty again', () => socket?.writableNeedDrain === false)
      await sser.send('a', `end of ${round}`)
      await raw.holds('the last event', (text) => text.includes(`data: end of ${round}\n`))
    }
    expect(listeners()).toBe(before)
  })
})

test('twenty Pods in one process, one after another, add no listener', async () => {
  const before = countListeners(process)
  for (let i = 0; i < 20; i += 1) {
    const { stop } = await serve({ sser: newSser(), fetch: () => new Response(), hostname: HOST, port: 0 })
    await stop()
  }
  expect(countListeners(process)).toBe(before)
})

function countListeners(emitter: NodeJS.EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}
