import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { EventStreamBody } from '../../src/delivery/event-stream-body.ts'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'

setFlagsFromString('--expose_gc')
const gc = runInNewContext('gc') as () => void

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('an open event stream', () => {
  it('does not keep its request in memory', async () => {
    const { sser } = (await Fleet.of(1)).pod(0)
    const open = async () => {
      const request = new Request('http://pod/?stream=a')
      const response = await sser.handler(request)
      const client = new Client(response).flow()
      return { client, request: new WeakRef(request), stream: response.body }
    }
    const { client, request, stream } = await open()
    await settle()
    // A WeakRef keeps its target until the turn of the event loop is over.
    await setImmediate()
    gc()
    expect(request.deref()).toBeUndefined()
    expect(stream).toBeInstanceOf(EventStreamBody)
    expect([sser.connections, client.ended]).toEqual([1, false])
  })

  it('does not read the signal of its request if the runtime reports disconnects', async () => {
    const { sser } = (await Fleet.of(1)).pod(0)
    const request = new Request('http://pod/?stream=a')
    const signal = vi.spyOn(request, 'signal', 'get')
    const response = await sser.handler(request)
    const hooks = { onOpen() {}, onEnd() {}, onAbort() {}, reportsClose: true }
    ;(response.body as EventStreamBody).onSocket(hooks)
    new Client(response).flow()
    await settle()
    expect(sser.connections).toBe(1)
    expect(signal).not.toHaveBeenCalled()
  })

  it('has no Headers of Hono where the app has set no headers', async () => {
    const { sser } = (await Fleet.of(1)).pod(0)
    const app = new Hono().route('/events', sser.routes)
    const request = new Request('http://pod/events?stream=a')
    const made = vi.fn()
    vi.stubGlobal(
      'Headers',
      class extends Headers {
        constructor(init?: HeadersInit) {
          super(init)
          made()
        }
      },
    )
    const response = await app.request(request)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(made).not.toHaveBeenCalled()
  })
})
