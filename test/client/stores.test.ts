import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runStore, streamStore } from '../../src/client/stores.ts'
import { connected } from '../support/connected-client.ts'
import { eventBlock, preamble } from '../support/fake-endpoint.ts'

const CHUNKS =
  'event: sser-position\ndata: {"resumed":false}\n\ndata: Hel\nid: 0.x7Q\n\ndata: lo\nid: 1.x7Q\n\n'
const END = 'event: sser-end\ndata: {"state":"ended"}\nid: 2.x7Q.end\n\n'

// A store stops a moment after its last subscriber has gone.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function orders(snapshot?: () => { position: string; orders: number[] }) {
  const fixture = connected()
  const store = streamStore<number, number[], { position: string; orders: number[] }>(
    fixture.client,
    'orders',
    {
      initial: [],
      reduce: (all, order) => [...all, order],
      snapshot,
      fromSnapshot: (loaded) => loaded.orders,
    },
  )
  return { ...fixture, store }
}

describe('the store of a stream', () => {
  it('has no connection before its first subscriber', async () => {
    const { endpoint, clock, store } = orders()
    await clock.advance(1_000)
    expect(store.get()).toEqual([])
    expect(endpoint.requests).toHaveLength(0)
  })

  it('reduces the events, and notifies its subscribers', async () => {
    const { endpoint, clock, store } = orders()
    const values: number[][] = []
    store.subscribe((value) => values.push(value))
    await clock.advance(10)
    endpoint.last.open(preamble('p1') + eventBlock('orders', 1, 'p2') + eventBlock('orders', 2, 'p3'))
    await clock.advance(0)
    expect(values).toEqual([[1], [1, 2]])
    expect(store.get()).toBe(values[1])
  })

  it('begins anew with a snapshot', async () => {
    const { endpoint, clock, store } = orders(() => ({ position: 'PodAA5-x', orders: [4, 5] }))
    store.subscribe(() => {})
    await clock.advance(10)
    endpoint.last.open(
      preamble('PodAA3-x') + eventBlock('orders', 5, 'PodAA5-x') + eventBlock('orders', 6, 'PodAA6-x'),
    )
    await clock.advance(0)
    expect(store.get()).toEqual([4, 5, 6])
  })

  it('keeps its connection while subscribers go and come, as in a strict mode', async () => {
    const { endpoint, clock, store } = orders()
    const off = store.subscribe(() => {})
    off()
    off()
    const last = store.subscribe(() => {})
    vi.runAllTimers()
    await clock.advance(10)
    endpoint.last.open(preamble('p1'))
    await clock.advance(0)
    expect(endpoint.requests).toHaveLength(1)
    last()
    vi.runAllTimers()
    await clock.advance(10)
    expect(endpoint.last.isAborted).toBe(true)
  })
})

describe('the store of a run', () => {
  const text = (fixture = connected()) => ({
    ...fixture,
    store: runStore<string, string>(fixture.client, 'chat', {
      initial: '',
      reduce: (all, chunk) => all + chunk,
    }),
  })

  it('has the text so far, the state, and the end with the last chunk', async () => {
    const { endpoint, clock, store } = text()
    const values: unknown[] = []
    store.subscribe(({ value, status }) => values.push([value, status]))
    await clock.advance(0)
    endpoint.last.open(CHUNKS + END).end()
    await clock.advance(0)
    expect(values).toEqual([
      ['', 'connecting'],
      ['', 'running'],
      ['Hel', 'running'],
      ['Hello', 'running'],
      ['Hello', 'ended'],
    ])
  })

  it('does not read an ended run again', async () => {
    const { endpoint, clock, store } = text()
    const off = store.subscribe(() => {})
    await clock.advance(0)
    endpoint.last.open(CHUNKS + END).end()
    await clock.advance(0)
    off()
    vi.runAllTimers()
    store.subscribe(() => {})
    await clock.advance(0)
    expect(endpoint.requests).toHaveLength(1)
    expect(store.get()).toMatchObject({ value: 'Hello', status: 'ended' })
  })

  it('reads a run that goes on from its first chunk when a subscriber comes back', async () => {
    const { endpoint, clock, store } = text()
    const off = store.subscribe(() => {})
    await clock.advance(0)
    endpoint.last.open(CHUNKS)
    await clock.advance(0)
    off()
    vi.runAllTimers()
    expect(store.get()).toEqual({ value: '', status: 'idle' })
    store.subscribe(() => {})
    await clock.advance(0)
    endpoint.last.open(CHUNKS)
    await clock.advance(0)
    expect(endpoint.requests).toHaveLength(2)
    expect(store.get()).toMatchObject({ value: 'Hello', status: 'running' })
  })

  it('shows why a run failed, with the chunks before', async () => {
    const { endpoint, clock, store } = text()
    store.subscribe(() => {})
    await clock.advance(0)
    endpoint.last.open(`${CHUNKS}event: sser-end\ndata: {"state":"failed","reason":"no money"}\n\n`).end()
    await clock.advance(0)
    expect(store.get()).toMatchObject({
      value: 'Hello',
      status: 'failed',
      reason: 'no money',
      error: { code: 'run-failed' },
    })
  })

  it('shows an error of reduce()', async () => {
    const { client, endpoint, clock } = connected()
    const store = runStore<string, string>(client, 'chat', {
      initial: '',
      reduce() {
        throw new Error('broken')
      },
    })
    store.subscribe(() => {})
    await clock.advance(0)
    endpoint.last.open(CHUNKS)
    await clock.advance(0)
    expect(store.get()).toMatchObject({ status: 'stopped', error: { message: 'reduce() threw: broken' } })
  })
})
