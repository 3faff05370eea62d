import { describe, expect, it } from 'vitest'
import { listening } from '../support/connected-client.ts'
import { eventBlock, preamble } from '../support/fake-endpoint.ts'

/** The longest wait of the first backoff with `retry: 2000`. */
const FIRST_WAIT_MS = 2_000

const RETRY = (reason: string, ms = 3_000) =>
  `event: sser-retry\nretry: ${ms}\ndata: {"reason":"${reason}"}\n\n`

describe('the connection of a client', () => {
  it('sends its position when it comes back, and misses and repeats nothing', async () => {
    const { endpoint, clock, received } = await listening()
    endpoint.last.open(preamble('p1') + eventBlock('orders', 1, 'p2'))
    await clock.advance(0)
    endpoint.last.write('stream: orders\ndata: 2\nid: p').fail()
    await clock.advance(FIRST_WAIT_MS)
    expect(endpoint.requests).toHaveLength(2)
    expect(endpoint.last.lastEventId).toBe('p2')
    endpoint.last.open(preamble('p2', true) + eventBlock('orders', 2, 'p3'))
    await clock.advance(0)
    expect(received).toEqual([1, 2])
  })

  it('shows each state: connecting, live, recovering, live, stopped', async () => {
    const { endpoint, clock, client, states } = await listening()
    expect(client.state.get()).toBe('connecting')
    endpoint.last.open(preamble('p1'))
    await clock.advance(0)
    endpoint.last.fail()
    await clock.advance(FIRST_WAIT_MS)
    endpoint.last.open(preamble('p1', true))
    await clock.advance(0)
    client.close()
    await clock.advance(0)
    expect(states).toEqual(['live', 'recovering', 'live', 'stopped'])
    expect(endpoint.last.isAborted).toBe(true)
    expect(clock.timers).toBe(0)
  })

  it('comes back within the time that a clean end names, with jitter', async () => {
    const { endpoint, clock, errors } = await listening()
    endpoint.last.open(preamble('p1') + RETRY('draining', 3_000)).end()
    await clock.advance(3_000)
    expect(endpoint.requests).toHaveLength(2)
    expect(endpoint.last.lastEventId).toBe('p1')
    expect(errors).toEqual([])
  })

  it.each([
    ['a clean end without a reason', 200, 0],
    ['500', 500, 1],
    ['502', 502, 1],
    ['503', 503, 1],
    ['429', 429, 1],
    ['408', 408, 1],
    ['a redirect that is not followed', 302, 1],
  ])('comes back after %s', async (_, status, errorCount) => {
    const { endpoint, clock, client, errors } = await listening()
    if (status === 200) endpoint.last.open(preamble('p1')).end()
    else endpoint.last.answer(status, 'no', { 'sser-error': 'overloaded' })
    await clock.advance(0)
    expect(client.state.get()).toBe('recovering')
    expect(errors).toHaveLength(errorCount)
    if (errorCount > 0) expect(errors[0]).toMatchObject({ code: 'unavailable', status, reason: 'overloaded' })
    await clock.advance(FIRST_WAIT_MS)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('comes back after a body of another content type, such as a login page', async () => {
    const { endpoint, clock, errors } = await listening()
    endpoint.last.answer(200, '<html>', { 'content-type': 'text/html' })
    await clock.advance(FIRST_WAIT_MS)
    expect(endpoint.requests).toHaveLength(2)
    expect(errors[0]?.message).toBe('expected text/event-stream, got text/html')
  })

  it.each([400, 403, 404, 406])('stops after %i, with an error that has the reason', async (status) => {
    const { endpoint, clock, client, errors } = await listening()
    endpoint.last.answer(status, 'The stream "orders" is not yours\n', { 'sser-error': 'forbidden' })
    await clock.advance(600_000)
    expect(endpoint.requests).toHaveLength(1)
    expect(client.state.get()).toBe('stopped')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({
      code: 'refused',
      status,
      reason: 'forbidden',
      message: `HTTP ${status} (forbidden): The stream "orders" is not yours`,
    })
  })

  it('stops after 204, which is the end', async () => {
    const { endpoint, clock, client, errors } = await listening()
    endpoint.last.answer(204)
    await clock.advance(600_000)
    expect(endpoint.requests).toHaveLength(1)
    expect(client.state.get()).toBe('stopped')
    expect(errors[0]?.code).toBe('ended')
  })

  it('asks for headers once more after 401, and stops after the second one', async () => {
    const statuses: unknown[] = []
    const { endpoint, clock, client, errors } = await listening({
      headers: async ({ status }) => {
        statuses.push(status)
        return { authorization: `Bearer ${statuses.length}` }
      },
    })
    endpoint.last.answer(401)
    await clock.advance(0)
    expect(endpoint.last.headers.get('authorization')).toBe('Bearer 2')
    expect(client.state.get()).toBe('recovering')
    endpoint.last.open(preamble('p1')).fail()
    await clock.advance(FIRST_WAIT_MS)
    endpoint.last.answer(401)
    await clock.advance(0)
    endpoint.last.answer(401)
    await clock.advance(600_000)
    expect(statuses).toEqual([undefined, 401, undefined, 401])
    expect(client.state.get()).toBe('stopped')
    expect(errors.at(-1)).toMatchObject({ code: 'unauthorized', status: 401 })
  })

  it('connects again after it has stopped, when reconnect() is called', async () => {
    const { endpoint, clock, client } = await listening()
    endpoint.last.answer(403)
    await clock.advance(0)
    client.reconnect()
    await clock.advance(0)
    endpoint.last.open(preamble('p1'))
    await clock.advance(0)
    expect(client.state.get()).toBe('live')
  })

  it('comes back after headers() fails, and reports it', async () => {
    let calls = 0
    const { endpoint, clock, errors } = await listening({
      headers: () => {
        calls += 1
        if (calls === 1) throw new Error('no token')
        return new Headers({ authorization: 'Bearer 2' })
      },
    })
    expect(endpoint.requests).toHaveLength(0)
    expect(errors[0]).toMatchObject({ code: 'headers', message: 'headers() failed: no token' })
    await clock.advance(FIRST_WAIT_MS)
    expect(endpoint.last.headers.get('authorization')).toBe('Bearer 2')
  })

  it('gives up headers() that never resolves', async () => {
    let calls = 0
    const { clock, errors } = await listening({
      headers: () => {
        calls += 1
        return new Promise<never>(() => {})
      },
    })
    await clock.advance(30_000 + FIRST_WAIT_MS)
    expect(calls).toBe(2)
    expect(errors).toHaveLength(1)
  })

  it.each(['7', new Date(1_000 + 7_000).toUTCString()])('waits for Retry-After: %s', async (value) => {
    const { endpoint, clock } = await listening()
    endpoint.last.answer(503, 'busy', { 'retry-after': value })
    await clock.advance(6_900)
    expect(endpoint.requests).toHaveLength(1)
    await clock.advance(100 + FIRST_WAIT_MS)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('waits exactly as long as a full Pod asks, and names its reason', async () => {
    const { endpoint, clock, client, errors } = await listening()
    endpoint.last.open(RETRY('too-many-connections', 7_000), { 'sser-error': 'too-many-connections' }).end()
    await clock.advance(6_999)
    expect(endpoint.requests).toHaveLength(1)
    expect(client.state.get()).toBe('recovering')
    expect(errors[0]).toMatchObject({ code: 'unavailable', reason: 'too-many-connections' })
    await clock.advance(1)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('doubles the longest wait after each failure, up to 30 s, and draws each wait at random', async () => {
    const { endpoint, clock } = await listening()
    const waits: number[] = []
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      endpoint.last.fail()
      const failedAt = clock.now()
      await clock.until('the next request', () => endpoint.requests.length > attempt)
      waits.push(clock.now() - failedAt)
    }
    for (const [attempt, wait] of waits.entries())
      expect(wait).toBeLessThanOrEqual(Math.min(30_000, 2_000 * 2 ** attempt))
    expect(Math.max(...waits)).toBeGreaterThan(8_000)
    expect(new Set(waits.map(Math.round)).size).toBe(12)
  })

  it('takes the reconnection time of the server as the first wait', async () => {
    const { endpoint, clock } = await listening()
    endpoint.last.open('event: sser-position\nretry: 10\ndata: {"resumed":false}\nid: p1\n\n')
    await clock.advance(0)
    endpoint.last.fail()
    await clock.advance(10)
    expect(endpoint.requests).toHaveLength(2)
  })
})

describe('wakes', () => {
  it.each([
    ['online', {}],
    ['pageshow', { persisted: true }],
  ])('replaces the connection at once at %s', async (type, fields) => {
    const { endpoint, clock, page } = await listening()
    endpoint.last.open(preamble('p1'))
    await clock.advance(0)
    page.fire(type, fields)
    await clock.advance(0)
    expect(endpoint.requests).toHaveLength(2)
    expect(endpoint.last.lastEventId).toBe('p1')
  })

  it('keeps the connection when a page is loaded, shown in time, or hidden', async () => {
    const { endpoint, clock, page } = await listening()
    endpoint.last.open(preamble('p1'))
    await clock.advance(10_000)
    page.fire('pageshow', { persisted: false })
    page.fire('visibilitychange')
    page.document.visibilityState = 'hidden'
    page.fire('visibilitychange')
    await clock.advance(0)
    expect(endpoint.requests).toHaveLength(1)
  })

  it('ends a wait that the client chose, and none that the server named', async () => {
    const { endpoint, clock, page } = await listening()
    endpoint.last.fail()
    await clock.advance(0)
    page.fire('visibilitychange')
    await clock.advance(0)
    expect(endpoint.requests).toHaveLength(2)
    endpoint.last.answer(429, 'full', { 'retry-after': '60' })
    await clock.advance(0)
    page.fire('online')
    await clock.advance(10_000)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('replaces a connection that was silent while the machine slept', async () => {
    const { endpoint, clock, page } = await listening()
    endpoint.last.open(preamble('p1'))
    await clock.advance(0)
    // Time passes, and no timer fires.
    const now = clock.now()
    clock.now = () => now + 3_600_000
    page.fire('visibilitychange')
    await clock.advance(0)
    expect(endpoint.last.isAborted).toBe(true)
  })

  it('does not listen to the page once it is closed', async () => {
    const { endpoint, clock, client, page } = await listening()
    client.close()
    page.fire('online')
    await clock.advance(60_000)
    expect(endpoint.requests).toHaveLength(1)
  })
})
