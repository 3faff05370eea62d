import { describe, expect, it } from 'vitest'
import { connected } from '../support/connected-client.ts'
import { eventBlock, preamble } from '../support/fake-endpoint.ts'

describe('streams of a client', () => {
  it('delivers the events of each stream to its listeners', async () => {
    const { endpoint, clock, client } = connected()
    const orders: unknown[] = []
    const chat: unknown[] = []
    client.stream('orders').on((order) => orders.push(order))
    client.stream('chat').on((message) => chat.push(message))
    await clock.advance(10)
    expect(endpoint.last.streams).toEqual(['chat', 'orders'])
    endpoint.last.open(preamble('p1') + eventBlock('orders', { n: 1 }, 'p2') + eventBlock('chat', 'hi', 'p3'))
    await clock.advance(0)
    expect({ orders, chat }).toEqual({ orders: [{ n: 1 }], chat: ['hi'] })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('adds a stream by one reconnect at the same position', async () => {
    const { endpoint, clock, client } = connected()
    client.stream('orders').on(() => {})
    await clock.advance(10)
    const first = endpoint.last.open(preamble('p1') + eventBlock('orders', 1, 'p2'))
    await clock.advance(0)
    client.stream('chat').on(() => {})
    client.stream('news').on(() => {})
    await clock.advance(10)
    expect(first.isAborted).toBe(true)
    expect(endpoint.requests).toHaveLength(2)
    expect(endpoint.last.streams).toEqual(['chat', 'news', 'orders'])
    expect(endpoint.last.lastEventId).toBe('p2')
    expect(client.state.get()).toBe('live')
  })
})
