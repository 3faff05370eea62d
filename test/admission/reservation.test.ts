import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Arrivals } from '../../src/admission/arrivals.ts'
import { EndpointParts, EventsEndpoint } from '../../src/admission/events-endpoint.ts'
import type { Authorize, Decision } from '../../src/index.ts'
import type { Incarnation } from '../../src/instance/incarnation.ts'
import type { Membership } from '../../src/instance/membership.ts'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'
import { settingsOf, type TestSettings } from '../support/settings.ts'

/** The endpoint of one Pod with room for one connection, unless `settings` says otherwise. */
class Endpoint {
  readonly pod: Listening
  readonly events: EventsEndpoint
  isReady = true
  isDraining = false
  incarnation: Incarnation

  constructor(settings: TestSettings = {}) {
    const all = { maxConnections: 1, ...settings }
    this.pod = new Listening(all)
    this.incarnation = this.pod.incarnation
    const membership = {
      current: () => this.incarnation,
      mark: () => this.incarnation.log.nextIndex,
      since: (mark: number) => mark,
    }
    const options = {
      settings: settingsOf(all),
      clock: this.pod.clock,
      errors: this.pod.reports,
      membership: membership as unknown as Membership,
      arrivals: new Arrivals(membership.mark),
      isReady: () => this.isReady,
      isDraining: () => this.isDraining,
      isStarted: () => true,
      logging: { warn: () => {}, warnOncePerMinute: () => false },
    }
    this.events = new EventsEndpoint(options, new EndpointParts(options))
  }

  ask(query = 'stream=a', init: RequestInit = {}, env?: unknown): Promise<Response> {
    return this.events.handler(new Request(`http://pod/?${query}`, init), env)
  }

  /** Connections and reservations. */
  get taken(): number {
    const { hub } = this.incarnation
    return hub.size + hub.registry.reservationCount
  }
}

/** An `authorize` that decides when it is told to. */
function gate() {
  const decision = Promise.withResolvers<Decision>()
  return { authorize: () => decision.promise, decide: decision.resolve, fail: decision.reject }
}

const code = (response: Response) => response.headers.get('sser-error')

describe('a reservation', () => {
  it('holds its room from admission until the connection ends', async () => {
    const endpoint = new Endpoint()
    const response = await endpoint.ask()
    expect(code(await endpoint.ask())).toBe('too-many-connections')
    const client = new Client(response).flow()
    await settle()
    expect(client.all.map(({ event }) => event)).toEqual(['sser-position'])
    expect([endpoint.taken, endpoint.incarnation.hub.size]).toEqual([1, 1])
    expect(code(await endpoint.ask())).toBe('too-many-connections')
    await client.cancel()
    expect(endpoint.taken).toBe(0)
    expect((await endpoint.ask()).status).toBe(200)
  })

  it('holds the room of a request whose authorize is pending', async () => {
    const { authorize, decide } = gate()
    const endpoint = new Endpoint({ authorize })
    const first = endpoint.ask()
    expect(code(await endpoint.ask())).toBe('too-many-connections')
    decide('allow')
    new Client(await first).flow()
    await settle()
    expect(endpoint.incarnation.hub.size).toBe(1)
  })

  it.each<[string, Authorize]>([
    ['denies', () => 'deny'],
    ['throws', () => Promise.reject(new Error('the session store is away'))],
    ['returns an invalid decision', () => true as never],
    ['grants no stream', () => ({ streams: [] })],
    ['has an error as its decision', () => ({ expiresAt: Number.NaN })],
  ])('is released when authorize %s', async (_, authorize) => {
    const endpoint = new Endpoint({ authorize })
    await endpoint.ask()
    expect(endpoint.taken).toBe(0)
  })

  it('is released when authorize does not settle in time', async () => {
    const endpoint = new Endpoint({ authorize: () => new Promise(() => {}), authorizeTimeoutMs: 100 })
    const response = endpoint.ask()
    expect(endpoint.taken).toBe(1)
    await endpoint.pod.clock.advance(100)
    await response
    expect(endpoint.taken).toBe(0)
  })

  it('is released when the client of a run that no Pod knows disconnects', async () => {
    const endpoint = new Endpoint()
    const left = new AbortController()
    const response = endpoint.ask('run=chat', { signal: left.signal })
    await settle()
    expect(endpoint.taken).toBe(1)
    left.abort()
    await response
    expect(endpoint.taken).toBe(0)
  })

  it('is released when the client of a run that no Pod knows closes its socket under Node', async () => {
    const endpoint = new Endpoint()
    const outgoing = Object.assign(new EventEmitter(), { destroy() {} })
    const response = endpoint.ask('run=chat', {}, { outgoing })
    await settle()
    expect(endpoint.taken).toBe(1)
    outgoing.emit('close')
    await response
    expect([endpoint.taken, outgoing.listenerCount('close')]).toEqual([0, 0])
  })

  it('of a run that starts meanwhile leaves no listener at the response of Node', async () => {
    const endpoint = new Endpoint()
    const outgoing = Object.assign(new EventEmitter(), { destroy() {} })
    const response = endpoint.ask('run=chat', { method: 'HEAD' }, { outgoing })
    await settle()
    await endpoint.incarnation.runs.start('chat', false)
    expect((await response).status).toBe(200)
    expect(outgoing.listenerCount('close')).toBe(0)
  })

  it('is released when the granted streams exceed maxStreams', async () => {
    const endpoint = new Endpoint({ maxStreams: 1, authorize: () => ({ streams: ['a', 'b'] }) })
    expect((await endpoint.ask()).status).toBe(429)
    expect(endpoint.taken).toBe(0)
  })

  it.each([
    ['handler', (endpoint: Endpoint) => endpoint.ask('stream=a', { method: 'HEAD' })],
    ['routes', (endpoint: Endpoint) => endpoint.events.routes.request('/?stream=a', { method: 'HEAD' })],
  ])('is released after HEAD, by the %s', async (_, ask) => {
    const endpoint = new Endpoint()
    const response = await ask(endpoint)
    expect([response.status, response.body, endpoint.taken]).toEqual([200, null, 0])
  })

  it('is released when the response cannot be made', async () => {
    const endpoint = new Endpoint()
    const { Response: Real } = globalThis
    globalThis.Response = class {
      constructor() {
        throw new Error('no response')
      }
    } as never
    try {
      await expect(endpoint.ask()).rejects.toThrow('no response')
    } finally {
      globalThis.Response = Real
    }
    expect(endpoint.taken).toBe(0)
  })

  it('is released when the body is cancelled unread', async () => {
    const endpoint = new Endpoint()
    await (await endpoint.ask()).body?.cancel()
    expect(endpoint.taken).toBe(0)
  })

  it('is released when the request was aborted before something reads the body', async () => {
    const endpoint = new Endpoint()
    const abort = new AbortController()
    const response = await endpoint.ask('stream=a', { signal: abort.signal })
    abort.abort()
    expect(await response.text()).toBe('')
    expect(endpoint.taken).toBe(0)
  })

  it('is released when Node has closed the response while authorize was pending', async () => {
    const { authorize, decide } = gate()
    const endpoint = new Endpoint({ authorize })
    const outgoing = { once() {}, off() {}, destroy() {}, destroyed: false }
    const response = endpoint.ask('stream=a', {}, { outgoing })
    outgoing.destroyed = true
    decide('allow')
    await response
    expect(endpoint.taken).toBe(0)
  })

  it('is released when the Pod begins to drain while authorize is pending', async () => {
    const { authorize, decide } = gate()
    const endpoint = new Endpoint({ authorize })
    const response = endpoint.ask()
    endpoint.isReady = false
    endpoint.isDraining = true
    decide('allow')
    expect(await (await response).text()).toContain('sser-retry')
    expect(endpoint.taken).toBe(0)
  })

  it('is released when the Pod stops before something reads the body', async () => {
    const endpoint = new Endpoint()
    const response = await endpoint.ask()
    endpoint.incarnation.stop()
    expect(await response.text()).toContain('sser-retry')
    expect(endpoint.taken).toBe(0)
  })

  it('is released when a disconnect selects the connection while authorize is pending', async () => {
    const { authorize, decide } = gate()
    const endpoint = new Endpoint({ authorize })
    const response = endpoint.ask()
    endpoint.pod.append({ disconnect: { stream: 'a' } })
    decide('allow')
    expect(await (await response).text()).toContain('sser-retry')
    expect(endpoint.taken).toBe(0)
  })

  it('is released when a connection opens only to receive the events before its disconnect', async () => {
    const endpoint = new Endpoint()
    const client = new Client(await endpoint.ask())
    endpoint.pod.send('a', 'before')
    endpoint.pod.append({ disconnect: { stream: 'a' } })
    await client.read()
    expect([client.ended, endpoint.taken]).toEqual([false, 0])
    client.flow()
    await settle()
    expect([client.messages, client.ended, endpoint.taken]).toEqual([['before'], true, 0])
  })

  it('moves to the next incarnation when one begins while authorize is pending', async () => {
    const { authorize, decide } = gate()
    const endpoint = new Endpoint({ authorize })
    const before = endpoint.incarnation
    const response = endpoint.ask()
    endpoint.incarnation = new Listening({ maxConnections: 1 }).incarnation
    decide('allow')
    const answered = await response
    expect([before.hub.registry.reservationCount, endpoint.taken]).toEqual([0, 1])
    new Client(answered).flow()
    await settle()
    expect(before.hub.registry.reservationCount).toBe(0)
    expect([endpoint.taken, endpoint.incarnation.hub.size]).toEqual([1, 1])
  })
})

describe('a response that the app drops unread', () => {
  it('gives its room back after 10 s, without a timer', async () => {
    const endpoint = new Endpoint()
    const { timers } = endpoint.pod.clock
    await endpoint.ask()
    await endpoint.pod.clock.advance(9_999)
    expect(code(await endpoint.ask())).toBe('too-many-connections')
    expect(endpoint.pod.clock.timers).toBe(timers)
    await endpoint.pod.clock.advance(1)
    expect((await endpoint.ask()).status).toBe(200)
    expect(endpoint.taken).toBe(1)
  })

  it.each([
    ['opens its connection later where there is still room', false],
    ['ends its connection at once where another request has taken the room', true],
  ])('%s', async (_, isTaken) => {
    const endpoint = new Endpoint()
    const late = await endpoint.ask()
    await endpoint.pod.clock.advance(10_000)
    const other = await endpoint.ask()
    if (!isTaken) await other.body?.cancel()
    const client = new Client(late).flow()
    await settle()
    expect(client.all.map(({ event }) => event)).toEqual([isTaken ? 'sser-retry' : 'sser-position'])
    expect([client.ended, endpoint.taken]).toEqual([isTaken, 1])
  })
})
