import { describe, expect, it } from 'vitest'
import { RunCopies } from '../../src/runs/run-copies.ts'
import { RunFeed } from '../../src/runs/run-feed.ts'
import { settle, VirtualClock } from '../support/clock.ts'

const ID = 'aaaaa:1'

/** The copy of a run that a peer wants without a reader, after the first part. */
async function setup() {
  const clock = new VirtualClock()
  const options = { maxBytes: 1_000_000, onEnd: () => {}, onEvict: () => {}, mustHold: () => true }
  const copies = new RunCopies({ clock, ...options })
  const copy = copies.ensure({ id: ID, name: 'chat', end: undefined } as Parameters<typeof copies.ensure>[0])
  let pushes = 0
  const feed = new RunFeed({ clock, copy: () => copy, evicted: () => undefined }, () => (pushes += 1))
  feed.want(ID, 0)
  feed.setRead(ID, false)
  copy.push('first')
  expect(feed.next(1_000)).toHaveLength(1)
  await settle()
  pushes = 0
  const write = async (count = 1) => {
    for (let i = 0; i < count; i += 1) copy.push('x')
    await settle()
  }
  return { clock, copy, feed, write, pushes: () => pushes }
}

describe('the chunks of a run that a peer only holds', () => {
  it('gather for 200 ms, and leave together', async () => {
    const { clock, feed, write, pushes } = await setup()
    await write()
    await clock.advance(150)
    await write()
    expect([pushes(), feed.next(1_000)]).toEqual([0, []])
    await clock.advance(50)
    expect([pushes(), feed.next(1_000)]).toEqual([1, [{ id: ID, from: 1, chunks: ['x', 'x'] }]])
  })

  it('leave as soon as 64 of them have gathered', async () => {
    const { feed, write } = await setup()
    await write(63)
    expect(feed.next(1_000)).toEqual([])
    await write()
    expect(feed.next(1_000)[0]?.chunks).toHaveLength(64)
  })

  it('leave with the end of the run', async () => {
    const { copy, feed, write } = await setup()
    await write()
    copy.setEnd({ state: 'ended', chunks: 2 })
    await settle()
    expect(feed.next(1_000)).toMatchObject([{ from: 1, chunks: ['x'], end: { state: 'ended' } }])
  })

  it('are awaited until the last of them has left, where a flush needs several messages', async () => {
    const { feed, write } = await setup()
    await write(40)
    expect(feed.isAwaited).toBe(false)
    feed.flush(ID)
    let left = 40
    while (left > 0) {
      expect(feed.isAwaited).toBe(true)
      for (const { chunks } of feed.next(20)) left -= chunks.length
    }
    expect(feed.isAwaited).toBe(false)
  })

  it('leave as soon as a reader of the peer waits for them, and at once from then on', async () => {
    const { feed, write, pushes } = await setup()
    await write()
    feed.setRead(ID, true)
    expect([pushes(), feed.next(1_000)]).toMatchObject([1, [{ chunks: ['x'] }]])
    await write()
    expect([pushes(), feed.next(1_000)]).toMatchObject([2, [{ from: 2 }]])
  })

  it('leave at once for a call that waits for them, which the section tells', async () => {
    const { feed, write } = await setup()
    await write()
    feed.flush(ID)
    expect(feed.isAwaited).toBe(true)
    expect(feed.next(1_000)).toMatchObject([{ from: 1 }])
    expect(feed.isAwaited).toBe(false)
  })

  it('keep no timer after the exchange', async () => {
    const { clock, feed, write, pushes } = await setup()
    await write()
    feed.close()
    await clock.advance(1_000)
    expect(pushes()).toBe(0)
  })
})
