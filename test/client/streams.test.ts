import * as v from 'valibot'
import { describe, expect, it, vi } from 'vitest'
import type { ClientError } from '../../src/client/error.ts'
import { connected, FakePage, listening } from '../support/connected-client.ts'
import { eventBlock, preamble } from '../support/fake-endpoint.ts'

describe('streams of a client', () => {
  it('delivers the events of each stream to its listeners, on one connection', async () => {
    const { endpoint, clock, client } = connected()
    const orders: unknown[] = []
    const chat: unknown[] = []
    client.stream('orders').on((order, { event, id }) => orders.push([order, event, id]))
    client.stream('chat').on((message) => chat.push(message))
    await clock.advance(10)
    expect(endpoint.last.streams).toEqual(['chat', 'orders'])
    endpoint.last.open(
      preamble('p1') + eventBlock('orders', { n: 1 }, 'p2', 'created') + eventBlock('chat', 'hi', 'p3'),
    )
    await clock.advance(0)
    expect({ orders, chat }).toEqual({ orders: [[{ n: 1 }, 'created', 'p2']], chat: ['hi'] })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('adds streams by one reconnect at the same position, and stays live', async () => {
    const { endpoint, clock, client, states } = await listening()
    const first = endpoint.last.open(preamble('p1') + eventBlock('orders', 1, 'p2'))
    await clock.advance(0)
    client.stream('chat').on(() => {})
    client.stream('a,b&c').on(() => {})
    await clock.advance(10)
    expect(first.isAborted).toBe(true)
    expect(endpoint.requests).toHaveLength(2)
    expect(endpoint.last.streams).toEqual(['a,b&c', 'chat', 'orders'])
    expect(endpoint.last.lastEventId).toBe('p2')
    expect(states).toEqual(['live'])
  })

  it('delivers to an added stream what came after the position of the client', async () => {
    const { endpoint, clock, client, received } = await listening()
    endpoint.last.open(preamble('p1') + eventBlock('orders', 1, 'p2'))
    await clock.advance(0)
    const chat: unknown[] = []
    client.stream('chat').on((message) => chat.push(message))
    await clock.advance(10)
    endpoint.last.open(preamble('p2', true) + eventBlock('chat', 'a moment ago', 'p3'))
    await clock.advance(0)
    expect({ received, chat }).toEqual({ received: [1], chat: ['a moment ago'] })
  })

  it('keeps its connection when a listener goes and comes within a few milliseconds', async () => {
    const { endpoint, clock, client } = connected()
    const off = client.stream('orders').on(() => {})
    await clock.advance(10)
    endpoint.last.open(preamble('p1'))
    off()
    off()
    client.stream('orders').on(() => {})
    await clock.advance(10)
    expect(endpoint.requests).toHaveLength(1)
    expect(endpoint.last.isAborted).toBe(false)
  })

  it('ends the connection with the last listener, and begins live with the next one', async () => {
    const { endpoint, clock, client } = connected()
    const off = client.stream('orders').on(() => {})
    await clock.advance(10)
    endpoint.last.open(preamble('p1'))
    await clock.advance(0)
    off()
    await clock.advance(10)
    expect(endpoint.last.isAborted).toBe(true)
    expect(client.state.get()).toBe('connecting')
    client.stream('orders').on(() => {})
    await clock.advance(10)
    expect(endpoint.last.lastEventId).toBeNull()
  })

  it('tries again with other streams after the server refused one', async () => {
    const { endpoint, clock, client } = await listening()
    const off = client.stream('secret').on(() => {})
    await clock.advance(10)
    endpoint.last.answer(403, 'no')
    await clock.advance(0)
    expect(client.state.get()).toBe('stopped')
    off()
    await clock.advance(10)
    expect(endpoint.last.streams).toEqual(['orders'])
    expect(client.state.get()).toBe('connecting')
  })

  it('reports a gap to the client and to every stream', async () => {
    const { endpoint, clock, client, gaps } = connected()
    const onGap = vi.fn()
    client.stream('orders', { onGap }).on(() => {})
    await clock.advance(10)
    endpoint.last.open('event: sser-gap\nretry: 10\ndata: {"reason":"trimmed"}\nid: p1\n\n')
    await clock.advance(0)
    expect(gaps).toEqual([{ reason: 'trimmed' }])
    expect(onGap).toHaveBeenCalledWith({ reason: 'trimmed' })
  })

  it('survives a listener and an onGap that throw', async () => {
    const uncaught = vi.fn()
    process.once('uncaughtException', uncaught)
    const { endpoint, clock, client, errors, received } = await listening({
      onGap() {
        throw new Error('from onGap')
      },
    })
    client.stream('orders').on(() => {
      throw new Error('from a listener')
    })
    endpoint.last.open(
      `${preamble('p1')}event: sser-gap\ndata: {}\nid: p2\n\n${eventBlock('orders', 1, 'p3')}`,
    )
    await clock.advance(0)
    expect(received).toEqual([1])
    expect(errors).toMatchObject([{ code: 'listener', cause: { message: 'from a listener' } }])
    expect(client.state.get()).toBe('live')
    expect(uncaught.mock.calls[0]?.[0]).toMatchObject({ message: 'from onGap' })
  })
})

describe('a payload', () => {
  const Order = v.object({ id: v.number() })

  it('is validated, and an invalid one goes to onError, not to the listener', async () => {
    const { endpoint, clock, client } = connected()
    const orders: { id: number }[] = []
    const errors: ClientError[] = []
    client
      .stream('orders', { schema: Order, onError: (error) => errors.push(error) })
      .on((order) => orders.push(order))
    await clock.advance(10)
    endpoint.last.open(
      `${preamble('p1')}${eventBlock('orders', { id: '1' }, 'p2')}data: {no json\nid: p3\n\n${eventBlock('orders', { id: 2 }, 'p4')}`,
    )
    await clock.advance(0)
    expect(orders).toEqual([{ id: 2 }])
    expect(errors.map(({ code }) => code)).toEqual(['invalid-payload', 'invalid-payload'])
    expect(errors[0]?.message).toMatch(/^an event of the stream "orders": /)
  })

  it('keeps its order where a schema validates later', async () => {
    const { endpoint, clock, client } = connected()
    const seen: number[] = []
    const first = Promise.withResolvers<void>()
    const isKnown = v.checkAsync(async ({ id }: { id: number }) => {
      if (id === 1) await first.promise
      if (id === 2) throw new Error('no database')
      return true
    })
    const schema = v.pipeAsync(Order, isKnown)
    client.stream('orders', { schema }).on(({ id }) => seen.push(id))
    await clock.advance(10)
    endpoint.last.open(
      preamble('p1') + [1, 2, 3].map((id) => eventBlock('orders', { id }, `p${id + 1}`)).join(''),
    )
    await clock.advance(0)
    expect(seen).toEqual([])
    first.resolve()
    await clock.advance(0)
    expect(seen).toEqual([1, 3])
  })

  it('is parsed by the option parse, as text where that returns its argument', async () => {
    const { endpoint, clock, client } = connected()
    const seen: string[] = []
    client.stream<string>('orders', { parse: (text) => text }).on((text) => seen.push(text))
    await clock.advance(10)
    endpoint.last.open(`${preamble('p1')}data: two coffees\nid: p2\n\n`)
    await clock.advance(0)
    expect(seen).toEqual(['two coffees'])
  })
})

describe('a loop over a stream', () => {
  it('receives the values, and ends the connection when it is left', async () => {
    const { endpoint, clock, client } = connected()
    const seen: unknown[] = []
    const loop = (async () => {
      for await (const value of client.stream('orders')) {
        seen.push(value)
        if (seen.length === 3) return
      }
    })()
    await clock.advance(10)
    endpoint.last.open(preamble('p1') + eventBlock('orders', 1, 'p2') + eventBlock('orders', 2, 'p3'))
    await clock.advance(0)
    endpoint.last.write(eventBlock('orders', 3, 'p4'))
    await clock.advance(0)
    await loop
    await clock.advance(10)
    expect(seen).toEqual([1, 2, 3])
    expect(endpoint.last.isAborted).toBe(true)
  })

  it('ends with the client, and after 204', async () => {
    for (const end of ['close', '204']) {
      const { endpoint, clock, client } = connected()
      const next = client.stream('orders')[Symbol.asyncIterator]().next()
      await clock.advance(10)
      if (end === 'close') client.close()
      else endpoint.last.answer(204)
      await clock.advance(0)
      expect(await next).toEqual({ done: true, value: undefined })
    }
  })

  it('throws where the connection stops for an error', async () => {
    const { endpoint, clock, client } = connected()
    const loop = client.stream('orders')[Symbol.asyncIterator]()
    const next = expect(loop.next()).rejects.toMatchObject({ code: 'refused', status: 403 })
    await clock.advance(10)
    endpoint.last.answer(403, 'no')
    await clock.advance(0)
    await next
    expect(await loop.next()).toEqual({ done: true, value: undefined })
  })

  it('ends with slow-reader where it does not read, while other listeners go on', async () => {
    const { endpoint, clock, client, received } = await listening()
    const loop = client.stream('orders')[Symbol.asyncIterator]()
    await clock.advance(10)
    endpoint.last.open(
      preamble('p0') + Array.from({ length: 5_000 }, (_, n) => eventBlock('orders', n, `p${n}`)).join(''),
    )
    await clock.advance(0)
    await expect(loop.next()).rejects.toMatchObject({ code: 'slow-reader' })
    expect(received).toHaveLength(5_000)
    expect(client.state.get()).toBe('live')
  })

  it('counts the length of the payloads that wait', async () => {
    const { endpoint, clock, client } = connected()
    const loop = client.stream('orders')[Symbol.asyncIterator]()
    await clock.advance(10)
    const large = 'x'.repeat(1_000_000)
    endpoint.last.open(
      preamble('p0') + [1, 2, 3, 4, 5].map((n) => eventBlock('orders', large, `p${n}`)).join(''),
    )
    await clock.advance(0)
    await expect(loop.next()).rejects.toMatchObject({ code: 'slow-reader' })
  })
})

describe('the option persist', () => {
  const page = () => {
    const items = new Map<string, string>()
    return Object.assign(new FakePage(), {
      sessionStorage: {
        getItem: (key: string) => items.get(key) ?? null,
        setItem: (key: string, value: string) => items.set(key, value),
      },
    })
  }

  it('begins where the page was before its reload, for the same URL and user', async () => {
    const shared = page()
    const before = connected({ persist: true, user: 'ann' }, { page: shared })
    before.client.stream('orders').on(() => {})
    await before.clock.advance(10)
    before.endpoint.last.open(preamble('p7'))
    await before.clock.advance(0)
    shared.fire('pagehide')
    for (const [user, expected] of [
      ['ann', 'p7'],
      ['bob', null],
    ] as const) {
      const after = connected({ persist: true, user }, { page: shared })
      after.client.stream('orders').on(() => {})
      await after.clock.advance(10)
      expect(after.endpoint.last.lastEventId).toBe(expected)
    }
  })

  it('begins live where the browser denies the storage', async () => {
    const denied = Object.defineProperty(new FakePage(), 'sessionStorage', {
      get() {
        throw new Error('SecurityError')
      },
    })
    const { endpoint, clock, client } = connected({ persist: true }, { page: denied })
    client.stream('orders').on(() => {})
    await clock.advance(10)
    denied.fire('pagehide')
    expect(endpoint.last.lastEventId).toBeNull()
  })
})
