import { describe, expect, it, vi } from 'vitest'
import { formatPosition } from '../../src/wire/position.ts'
import { connected } from '../support/connected-client.ts'
import { eventBlock, preamble } from '../support/fake-endpoint.ts'

/** Positions of two Pods, as a server formats them. The last entry is that of the event. */
const at = (a: number, b: number, last = 'PodAA') =>
  formatPosition(
    [
      ['PodAA', a],
      ['PodBB', b],
    ],
    undefined,
    undefined,
    undefined,
    last,
  )

const GAP = (id: string) => `event: sser-gap\ndata: {"reason":"trimmed"}\nid: ${id}\n\n`

/** A client of the stream `orders` with a snapshot, whose requests a test answers. */
async function withSnapshot() {
  const fixture = connected()
  const seen: unknown[] = []
  const contexts: { gap: string | undefined; signal: AbortSignal }[] = []
  const answers: PromiseWithResolvers<{ position: string; orders: unknown[] } | Response>[] = []
  const stream = fixture.client.stream('orders', {
    snapshot(context) {
      contexts.push(context)
      const answer = Promise.withResolvers<{ position: string; orders: unknown[] } | Response>()
      answers.push(answer)
      return answer.promise
    },
    onSnapshot: ({ orders }) => seen.push(orders),
    onGap: ({ reason }) => seen.push(reason),
  })
  const off = stream.on((order) => seen.push(order))
  await fixture.clock.advance(10)
  const answer = (index: number, position: string, ...orders: unknown[]) =>
    answers[index]?.resolve({ position, orders })
  return { ...fixture, seen, contexts, answers, answer, off }
}

describe('a snapshot', () => {
  it('is loaded once the connection covers the stream, and comes before the first event', async () => {
    const { endpoint, clock, seen, contexts, answer } = await withSnapshot()
    expect(contexts).toHaveLength(0)
    endpoint.last.open(preamble(at(1, 1)) + eventBlock('orders', 'a4', at(4, 1)))
    await clock.advance(0)
    expect(contexts).toHaveLength(1)
    expect(seen).toEqual([])
    answer(0, at(3, 1), 'a3')
    await clock.advance(0)
    endpoint.last.write(eventBlock('orders', 'a5', at(5, 1)))
    await clock.advance(0)
    expect(seen).toEqual([['a3'], 'a4', 'a5'])
  })

  it('is not followed by events that it contains, also where the Pods have different orders', async () => {
    const { endpoint, clock, seen, answer } = await withSnapshot()
    endpoint.last.open(
      preamble(at(1, 1)) +
        eventBlock('orders', 'b9', at(1, 9, 'PodBB')) +
        eventBlock('orders', 'a2', at(2, 9, 'PodAA')),
    )
    await clock.advance(0)
    answer(0, at(3, 1))
    await clock.advance(0)
    // This Pod was behind the one that answered with the snapshot.
    endpoint.last.write(
      eventBlock('orders', 'a3', at(3, 9, 'PodAA')) + eventBlock('orders', 'a4', at(4, 9, 'PodAA')),
    )
    await clock.advance(0)
    expect(seen).toEqual([[], 'b9', 'a4'])
  })

  it('is loaded again after a gap, and comes before the events after it', async () => {
    const { endpoint, clock, seen, contexts, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)))
    await clock.advance(0)
    answer(0, at(1, 1), 'old')
    await clock.advance(20_000)
    endpoint.last.write(GAP(at(7, 1)) + eventBlock('orders', 'a8', at(8, 1)))
    await clock.advance(0)
    expect(contexts.map(({ gap }) => gap)).toEqual([undefined, 'trimmed'])
    answer(1, at(7, 1), 'new')
    await clock.advance(0)
    expect(seen).toEqual([['old'], 'trimmed', ['new'], 'a8'])
  })

  it('is aborted and replaced by a gap while it loads', async () => {
    const { endpoint, clock, seen, contexts, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)) + eventBlock('orders', 'a2', at(2, 1)) + GAP(at(7, 1)))
    await clock.advance(0)
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, false])
    answer(0, at(1, 1), 'late')
    answer(1, at(7, 1), 'new')
    await clock.advance(0)
    expect(seen).toEqual(['trimmed', ['new']])
  })

  it('is not loaded at once by a second gap within ten seconds', async () => {
    const { endpoint, clock, contexts, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)))
    await clock.advance(0)
    answer(0, at(1, 1))
    await clock.advance(0)
    endpoint.last.write(GAP(at(7, 1)))
    await clock.advance(1_999)
    expect(contexts).toHaveLength(1)
    await clock.advance(2_001)
    expect(contexts).toHaveLength(2)
  })

  it('is loaded again after a failure, with jitter, and each failure is reported', async () => {
    const { endpoint, clock, seen, errors, answers, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)) + eventBlock('orders', 'a4', at(4, 1)))
    await clock.advance(0)
    answers[0]?.resolve(new Response('no', { status: 500 }))
    await clock.advance(2_000)
    answers[1]?.resolve({ orders: [] } as never)
    await clock.advance(4_000)
    answers[2]?.reject(new TypeError('network error'))
    await clock.advance(8_000)
    answer(3, at(3, 1), 'a3')
    await clock.advance(0)
    expect(seen).toEqual([['a3'], 'a4'])
    expect(errors.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'snapshot: snapshot() failed: HTTP 500',
      'snapshot: snapshot() failed: expected { position }, the sser.position of the server',
      'snapshot: snapshot() failed: network error',
    ])
  })

  it('is read from a Response as JSON', async () => {
    const { endpoint, clock, seen, answers } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)))
    await clock.advance(0)
    answers[0]?.resolve(Response.json({ position: at(1, 1), orders: ['x'] }))
    await clock.advance(0)
    expect(seen).toEqual([['x']])
  })

  it('is shown without a connection, and loaded again once there is one', async () => {
    const { endpoint, clock, seen, contexts, answer } = await withSnapshot()
    endpoint.last.fail()
    await clock.advance(0)
    answer(0, at(1, 1), 'early')
    await clock.advance(2_000)
    endpoint.last.open(preamble(at(5, 1)))
    await clock.advance(0)
    expect(contexts).toHaveLength(2)
    answer(1, at(5, 1), 'exact')
    await clock.advance(0)
    expect(seen).toEqual([['early'], ['exact']])
  })

  it('is not loaded again by a reconnect that resumes', async () => {
    const { endpoint, clock, contexts, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)))
    await clock.advance(0)
    answer(0, at(1, 1))
    endpoint.last.fail()
    await clock.advance(2_000)
    endpoint.last.open(preamble(at(1, 1), true))
    await clock.advance(0)
    expect(contexts).toHaveLength(1)
  })

  it('is loaded again where the server did not receive the position', async () => {
    const { endpoint, clock, seen, contexts, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)))
    await clock.advance(0)
    answer(0, at(1, 1))
    endpoint.last.fail()
    await clock.advance(20_000)
    endpoint.last.open(preamble(at(9, 1), false))
    await clock.advance(0)
    expect(contexts[1]?.gap).toBe('not-resumed')
    expect(seen).toEqual([[], 'not-resumed'])
  })

  it('keeps the newest events while it loads, and loads again if it does not contain a dropped one', async () => {
    const { endpoint, clock, seen, contexts, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)))
    const burst = Array.from({ length: 5_000 }, (_, n) => eventBlock('orders', n + 2, at(n + 2, 1))).join('')
    endpoint.last.write(burst)
    await clock.advance(0)
    answer(0, at(100, 1), 'too old')
    await clock.advance(10_000)
    expect(contexts).toHaveLength(2)
    answer(1, at(4_000, 1), 'new')
    await clock.advance(0)
    expect(seen.slice(0, 2)).toEqual([['new'], 4_001])
    expect(seen).toHaveLength(1 + 1_001)
  })

  it('is not loaded any more once the listener has gone', async () => {
    const { endpoint, clock, seen, contexts, answer, off } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)) + eventBlock('orders', 'a2', at(2, 1)))
    await clock.advance(0)
    off()
    expect(contexts[0]?.signal.aborted).toBe(true)
    answer(0, at(1, 1))
    await clock.advance(60_000)
    expect(seen).toEqual([])
    expect(clock.timers).toBe(0)
  })

  it('goes to a listener that comes to a live stream, from its own request', async () => {
    const { endpoint, clock, client, answer } = await withSnapshot()
    endpoint.last.open(preamble(at(1, 1)))
    await clock.advance(0)
    answer(0, at(1, 1))
    const onSnapshot = vi.fn()
    client.stream('orders', { snapshot: () => ({ position: at(1, 1) }), onSnapshot }).on(() => {})
    await clock.advance(10)
    expect(onSnapshot).toHaveBeenCalledTimes(1)
    expect(endpoint.requests).toHaveLength(1)
  })
})
