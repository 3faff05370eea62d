import { describe, expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'
import { plainMessages } from '../support/messages.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

describe('a connection that reads', () => {
  it('gets the retry time and an id in its first block, at once', async () => {
    const pod = new Listening({ retryMs: 1_234 })
    const client = pod.open(['a'])
    await client.read()
    expect(client.retries).toEqual([1_234])
    expect(client.all).toEqual([
      { event: 'sser-position', id: expect.stringMatching(/-...$/), data: '{"resumed":false}' },
    ])
  })

  it('learns the heartbeat from its first block where it is not the default', async () => {
    const client = new Listening({ heartbeatMs: 4_000 }).open(['a'])
    await client.read()
    expect(client.all.map(({ data }) => data)).toEqual(['{"resumed":false,"heartbeatMs":4000}'])
  })

  it('gets a burst as one chunk, in order', async () => {
    const pod = new Listening()
    const client = pod.connect('a')
    await settle()
    for (const n of numbers(1, 50)) pod.send('a', n)
    await settle()
    expect(client.messages).toEqual(numbers(1, 50))
    expect(client.chunks).toHaveLength(2)
  })

  it('shares its bytes with all connections of the same streams', async () => {
    const pod = new Listening()
    const [one, two, both, other] = [
      pod.connect('a'),
      pod.connect('a'),
      pod.connect('a', 'b'),
      pod.connect('b'),
    ]
    await settle()
    pod.send('a', 'x')
    pod.send('b', 'y')
    await settle()
    expect(one.chunks.at(-1)).toBe(two.chunks.at(-1))
    expect(both.messages).toEqual(['x', 'y'])
    expect(other.messages).toEqual(['y'])
  })

  it('does not modify the shared bytes', async () => {
    const pod = new Listening()
    const clients = Array.from({ length: 3 }, () => pod.connect('a'))
    await settle()
    for (const n of numbers(1, 20)) {
      pod.send('a', n)
      await settle()
    }
    for (const client of clients) {
      expect(client.messages).toEqual(numbers(1, 20))
      expect(client.chunks.every(({ byteLength }) => byteLength > 0)).toBe(true)
    }
    expect(clients[0]?.chunks.slice(1)).toEqual(clients[2]?.chunks.slice(1))
  })

  it('gets the events of its streams alone, once each, in order of arrival', async () => {
    const pod = new Listening()
    const client = pod.connect('a', 'b')
    const stranger = pod.connect('c')
    await settle()
    for (const [stream, msg] of [
      ['b', '1'],
      ['c', 'not this'],
      ['a', '2'],
      ['b', '3'],
      ['a', '4'],
    ] as const)
      pod.send(stream, msg)
    await settle()
    pod.send('b', '5')
    await settle()
    expect(client.messages).toEqual(numbers(1, 5))
    expect(stranger.messages).toEqual(['not this'])
  })

  it('gets no event from before its request', async () => {
    const pod = new Listening()
    pod.send('a', 'early')
    const client = pod.connect('a')
    await settle()
    pod.send('a', 'late')
    await settle()
    expect(client.messages).toEqual(['late'])
  })

  it('gets the position after it as the id of each event, and no id for events of Go Pods', async () => {
    const pod = new Listening()
    const client = pod.connect('a')
    await settle()
    pod.send('a', 'x')
    pod.send('b', 'unseen')
    pod.send('a', 'y')
    pod.incarnation.log.appendV1('a', 'from Go', pod.clock.now())
    await settle()
    const { epoch } = pod.incarnation.log
    expect(client.events.map(({ id }) => id)).toEqual([
      expect.stringContaining(`${epoch}2-`),
      expect.stringContaining(`${epoch}4-`),
      undefined,
    ])
  })

  it('gets a gap for a hole, and continues after it', async () => {
    const pod = new Listening()
    const client = pod.connect('a')
    await settle()
    pod.append({ stream: 'a', msg: 'x' }, 'peer1')
    pod.incarnation.log.skipTo('peer1', 9, pod.clock.now())
    pod.append({ stream: 'a', msg: 'y' }, 'peer1')
    await settle()
    expect(client.all.slice(1).map(({ event, data }) => event ?? data)).toEqual(['x', 'sser-gap', 'y'])
    expect(client.gaps).toEqual([
      { event: 'sser-gap', id: expect.stringContaining('peer19'), data: '{"reason":"peer-loss"}' },
    ])
  })

  it('gets one of two events with the same idempotency key', async () => {
    const pod = new Listening()
    const client = pod.connect('a')
    await settle()
    pod.append({ stream: 'a', msg: 'pay', key: 'k' })
    pod.append({ stream: 'a', msg: 'pay', key: 'k' }, 'peer1')
    await settle()
    pod.append({ stream: 'a', msg: 'pay', key: 'k' }, 'peer2')
    await settle()
    expect(client.messages).toEqual(['pay'])
  })
})

describe('a connection that stops reading', () => {
  it('has no queue, and reads missed events from the log', async () => {
    const pod = new Listening()
    const stalled = pod.open(['a'])
    await stalled.read()
    for (const n of numbers(1, 100)) {
      pod.send('a', n)
      await settle()
    }
    // A queued chunk would come first here.
    await stalled.read()
    expect(stalled.messages).toEqual(numbers(1, 100))
    expect(stalled.chunks).toHaveLength(2)
  })

  it('catches up in slices, in order, and then receives live events', async () => {
    const pod = new Listening()
    const stalled = pod.open(['a'])
    await stalled.read()
    const sent = plainMessages(500)
    for (const msg of sent) pod.send('a', msg)
    await settle()
    while (stalled.messages.length < sent.length) {
      await Promise.all([stalled.read(), pod.clock.advance(0)])
      expect(stalled.chunks.at(-1)?.byteLength).toBeLessThan(3 * 65_536)
    }
    expect(stalled.messages).toEqual(sent)
    expect(stalled.chunks.length).toBeGreaterThan(4)
    stalled.flow()
    await settle()
    pod.send('a', 'live')
    await settle()
    expect(stalled.messages.at(-1)).toBe('live')
    expect(stalled.gaps).toEqual([])
  })

  it('does not delay other connections', async () => {
    const pod = new Listening()
    const stalled = Array.from({ length: 50 }, () => pod.open(['a']))
    for (const client of stalled) await client.read()
    const reading = pod.connect('a')
    await settle()
    for (const n of numbers(1, 300)) {
      pod.send('a', n)
      await settle()
      expect(reading.messages.at(-1)).toBe(n)
    }
    expect(stalled.map(({ chunks }) => chunks.length)).toEqual(stalled.map(() => 1))
  })

  it('catches up on several streams, each event once and in order', async () => {
    const pod = new Listening()
    const stalled = pod.open(['a', 'b'])
    await stalled.read()
    for (const n of numbers(1, 60)) pod.send(Number(n) % 3 === 0 ? 'b' : 'a', n)
    for (let i = 0; i < 5; i += 1) pod.send('c', 'not this')
    await settle()
    await stalled.read()
    stalled.flow()
    pod.send('b', '61')
    pod.send('a', '62')
    await settle()
    expect(stalled.messages).toEqual(numbers(1, 62))
  })

  it.each([
    ['by size', { logMaxBytes: 20_000 }],
    ['by age', { logMaxAgeMs: 5_000 }],
  ])('gets one gap for the events that were evicted %s, and then continues', async (_, settings) => {
    const pod = new Listening(settings)
    const stalled = pod.open(['a'])
    await stalled.read()
    for (const n of numbers(1, 300)) {
      pod.send('a', n)
      await pod.clock.advance(100)
    }
    await stalled.read()
    stalled.flow()
    await settle()
    pod.send('a', '301')
    await settle()
    expect(stalled.gaps).toEqual([
      { event: 'sser-gap', id: expect.any(String), data: '{"reason":"slow-client"}' },
    ])
    const seen = stalled.all.slice(1).map(({ event, data }) => event ?? data)
    expect(seen[0]).toBe('sser-gap')
    expect(seen.length).toBeGreaterThan(20)
    expect(seen.slice(1)).toEqual(numbers(Number(seen[1]), 301))
  })

  it('gets no gap if the evicted events are of other streams', async () => {
    const pod = new Listening({ logMaxBytes: 20_000 })
    const stalled = pod.open(['quiet'])
    await stalled.read()
    for (let i = 0; i < 30; i += 1) pod.send('loud', 'x'.repeat(1_000))
    pod.send('quiet', 'still here')
    await settle()
    await stalled.read()
    expect(stalled.all.slice(1).map(({ event, data }) => event ?? data)).toEqual(['still here'])
  })
})
