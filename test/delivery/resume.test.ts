import { describe, expect, it } from 'vitest'
import { APPEND_URL_PATH } from '../../src/wire/append-message.ts'
import { formatPosition, parsePosition } from '../../src/wire/position.ts'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'
import { Listening } from '../support/listening.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

/** Messages, and gaps with their reasons, that a client with `id` receives. */
async function seenFrom(pod: Listening, id: string | undefined, streams = ['a']): Promise<string[]> {
  const client = pod.open(streams, id).flow()
  await pod.clock.advance(0)
  await client.cancel()
  return client.all.flatMap(({ event, data }) => {
    if (event === 'sser-position') return []
    return [event === 'sser-gap' ? JSON.parse(data).reason : data]
  })
}

/** The id of a client that connected and disconnected. */
async function idNow(pod: Listening, ...streams: string[]): Promise<string> {
  const client = pod.open(streams)
  await client.read()
  await client.cancel()
  return client.lastEventId as string
}

describe('a client that resumes', () => {
  it('gets the missed events of its streams once and in order, then the live ones', async () => {
    const pod = new Listening()
    const first = pod.connect('a', 'b')
    await settle()
    pod.send('a', '1')
    await settle()
    await first.cancel()
    pod.send('b', '2')
    pod.send('c', 'not this')
    pod.send('a', '3')
    const again = pod.open(['a', 'b'], first.lastEventId).flow()
    await settle()
    pod.send('a', '4')
    await settle()
    expect([...first.messages, ...again.messages]).toEqual(numbers(1, 4))
    expect(again.gaps).toEqual([])
  })

  it('resumes from every id that it ever received', async () => {
    const pod = new Listening()
    const client = pod.connect('a')
    await settle()
    for (const n of numbers(1, 12)) {
      if (Number(n) % 3 === 0) pod.append({ stream: 'a', msg: n }, 'peer1')
      else pod.send('a', n)
      pod.send('b', 'not this')
      if (Number(n) % 4 === 0) await settle()
    }
    await settle()
    for (const [i, { id }] of client.all.entries())
      expect(await seenFrom(pod, id)).toEqual(numbers(i + 1, 12))
  })

  it('resumes from the id of a gap as from any other', async () => {
    const pod = new Listening({ logMaxAgeMs: 5_000 })
    const id = await idNow(pod, 'a')
    pod.send('a', 'lost')
    await pod.clock.advance(5_001)
    pod.send('a', 'kept')
    const client = pod.open(['a'], id)
    await client.read()
    expect(client.all.map(({ data }) => data)).toEqual(['{"reason":"trimmed"}', 'kept'])
    await client.cancel()
    expect(await seenFrom(pod, client.all[0]?.id)).toEqual(['kept'])
  })

  it.each([
    ['by age', { logMaxAgeMs: 5_000 }],
    ['by size', { logMaxBytes: 20_000 }],
  ])('gets a gap for the events that were evicted %s, and then the others', async (_, settings) => {
    const pod = new Listening(settings)
    const id = await idNow(pod, 'a')
    for (const n of numbers(1, 200)) {
      pod.send('a', n)
      await pod.clock.advance(100)
    }
    const [gap, ...rest] = await seenFrom(pod, id)
    expect(gap).toBe('trimmed')
    expect(rest.length).toBeGreaterThan(10)
    expect(rest).toEqual(numbers(Number(rest[0]), 200))
  })

  it('gets no gap if only events of other streams were evicted', async () => {
    const pod = new Listening({ logMaxBytes: 20_000 })
    const id = await idNow(pod, 'a')
    for (let i = 0; i < 30; i += 1) pod.send('loud', 'x'.repeat(1_000))
    pod.send('a', '1')
    expect(pod.incarnation.log.floors.evictions).toBeGreaterThan(5)
    expect(await seenFrom(pod, id)).toEqual(['1'])
    expect(await seenFrom(pod, id, ['loud'])).toContain('trimmed')
  })

  it('gets no gap if it has the evicted events already', async () => {
    const pod = new Listening({ logMaxBytes: 20_000 })
    pod.append({ stream: 'quiet', msg: 'lacking' }, 'peer1')
    for (let i = 0; i < 30; i += 1) pod.send('a', 'x'.repeat(1_000))
    const { epoch, ownSeq } = pod.incarnation.log
    expect(pod.incarnation.log.floors.evictions).toBeGreaterThan(5)
    expect(await seenFrom(pod, formatPosition([[epoch, ownSeq]]))).toEqual([])
  })

  it.each([
    ['17', 'invalid-id'],
    ['01ARZ3NDEKTSV4RRFFQ69G5FAV', 'invalid-id'],
    [formatPosition([['nobod', 3]]), 'unknown-id'],
  ])('gets a gap and then the events of the log, once, with the id %s', async (id, reason) => {
    const pod = new Listening()
    pod.send('a', 'x')
    const seen = await seenFrom(pod, id)
    expect(seen[0]).toBe(reason)
    expect(seen.slice(1)).toEqual(reason === 'invalid-id' ? [] : ['x'])
  })

  it('gets the gap invalid-id if its id is ahead of the Pod’s own seq', async () => {
    const pod = new Listening()
    expect(await seenFrom(pod, formatPosition([[pod.incarnation.log.epoch, 99]]))).toEqual(['invalid-id'])
  })

  it('gets a gap after a Go Pod’s event, for three ages of the log', async () => {
    const pod = new Listening({ logMaxAgeMs: 5_000 })
    const id = await idNow(pod, 'a')
    pod.incarnation.log.appendV1('a', 'from Go', pod.clock.now())
    expect(await seenFrom(pod, id)).toEqual(['legacy-peer'])
    await pod.clock.advance(15_001)
    pod.append({})
    expect(await seenFrom(pod, await idNow(pod, 'a'))).toEqual([])
  })

  it('gets that gap also if its id became old only after the event', async () => {
    const pod = new Listening({ logMaxAgeMs: 5_000 })
    const id = await idNow(pod, 'a')
    pod.incarnation.log.appendV1('a', 'from Go', pod.clock.now())
    await pod.clock.advance(1_000)
    pod.append({})
    await pod.clock.advance(4_500)
    // The event is past its age, the next no-op entry is not: no floor covers the entries before it.
    expect(await seenFrom(pod, id)).toEqual(['legacy-peer'])
    await pod.clock.advance(1_000)
    expect(await seenFrom(pod, id)).toEqual(['trimmed'])
  })

  it('never gets an event twice from a Pod that is behind its id', async () => {
    const pod = new Listening()
    pod.append({ stream: 'a', msg: '1' }, 'peer1')
    const { epoch } = pod.incarnation.log
    const client = pod
      .open(
        ['a'],
        formatPosition([
          [epoch, 1],
          ['peer1', 3],
        ]),
      )
      .flow()
    await settle()
    for (const n of numbers(2, 5)) pod.append({ stream: 'a', msg: n }, 'peer1')
    await settle()
    expect(client.messages).toEqual(['4', '5'])
    expect(client.gaps).toEqual([])
  })
})

/** Entries of unknown Pods: epochs with `prefix`, each at seq 1. */
const unknown = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i): [string, number] => [`${prefix}${1_000 + i}`, 1])

describe('a client whose id names unknown Pods', () => {
  it('keeps as many as a large fleet starts at once, and gets no event twice', async () => {
    const pod = new Listening()
    const { epoch } = pod.incarnation.log
    const client = pod.open(['a'], formatPosition([[epoch, 1], ...unknown(128, 'x')])).flow()
    await settle()
    expect(client.gaps).toEqual([])
    expect(client.lastEventId).toContain('x11271~')
    pod.append({ stream: 'a', msg: 'had' }, 'x1127')
    pod.append({ stream: 'a', msg: 'new' }, 'x1127')
    await settle()
    expect(client.messages).toEqual(['new'])
  })

  it('gets a gap if there are more, and its connection keeps none of them', async () => {
    const pod = new Listening()
    pod.send('a', 'not replayed')
    const { epoch } = pod.incarnation.log
    const client = pod.open(['a'], formatPosition([[epoch, 1], ...unknown(129, 'x')])).flow()
    await settle()
    pod.send('a', 'live')
    await settle()
    expect(client.gaps.map(({ data }) => JSON.parse(data).reason)).toEqual(['invalid-id'])
    expect(client.messages).toEqual(['live'])
    expect(client.all.map(({ id }) => id?.split('-')[0])).toEqual([`${epoch}2`, `${epoch}3`])
  })

  it('gets no gap for entries that were carried until they expired', async () => {
    const pod = new Listening({ logMaxAgeMs: 4_000 })
    const old = unknown(200, 'x')
    const id = formatPosition(
      [[pod.incarnation.log.epoch, 1], ...old],
      new Map(old.map(([epoch]) => [epoch, 10_000])),
    )
    expect(await seenFrom(pod, id)).toEqual([])
  })
})

describe('a client of a fleet that resumes', () => {
  it('misses nothing and gets nothing twice on another Pod, and the response says so', async () => {
    const fleet = await Fleet.of(3)
    const first = fleet.pod(0).connect('a')
    await settle()
    for (const n of numbers(1, 9)) await fleet.pod(Number(n) % 3).sser.send('a', n)
    await first.cancel()
    for (const n of numbers(10, 15)) await fleet.pod(Number(n) % 3).sser.send('a', n)
    const headers = { 'last-event-id': first.lastEventId as string }
    const url = 'http://pod/events?stream=a'
    expect((await fleet.pod(2).sser.handler(new Request(url, { headers }))).headers.get('sser-resume')).toBe(
      'complete',
    )
    const again = fleet.pod(2).open(['a'], first.lastEventId).flow()
    await settle()
    expect([...first.messages, ...again.messages]).toEqual(numbers(1, 15))
    expect(again.gaps).toEqual([])
  })

  it('misses nothing with the position that its page was rendered with', async () => {
    const fleet = await Fleet.of(2)
    const { position } = fleet.pod(0).sser
    await fleet.pod(0).sser.send('a', 'x')
    const query = `?stream=a&lastEventId=${encodeURIComponent(position as string)}`
    const response = await fleet.pod(1).sser.handler(new Request(`http://pod/events${query}`))
    expect(response.headers.get('sser-resume')).toBe('complete')
    const client = new Client(response).flow()
    await settle()
    expect(client.messages).toEqual(['x'])
  })

  it('misses nothing on a new Pod right after a hundred Pods were replaced', async () => {
    const fleet = await Fleet.of(2)
    const [old, replaced] = [unknown(100, 'x'), unknown(100, 'y')]
    const take = async (index: number, epochs: readonly [string, number][], msg: string) => {
      const runs = epochs.map(([epoch], i) => ({
        epoch,
        prev: 0,
        idle: 0,
        events: [{ seq: 1, age: 0, stream: 'a', msg: `${msg} ${i}` }],
      }))
      const body = JSON.stringify({ v: 2, epoch: epochs[0]?.[0], position: {}, runs })
      const url = `http://pod${APPEND_URL_PATH}`
      const request = new Request(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      expect((await fleet.pod(index).sser.internalRoutes.fetch(request)).status).toBe(200)
    }
    const first = fleet.pod(0).connect('a')
    await settle()
    await take(0, old, 'old')
    await take(0, replaced, 'new')
    await settle()
    await first.cancel()
    await fleet.start(fleet.replace(1))
    // The Pod does not know another hundred yet; the client comes from one of them.
    const ahead = unknown(100, 'z')
    const claims = parsePosition(first.lastEventId ?? '') ?? new Map()
    const entries = [...claims].map(([epoch, { seq }]): [string, number] => [epoch, seq])
    expect(entries.length).toBeGreaterThan(200)
    await fleet.pod(0).sser.send('a', 'meanwhile')
    const again = fleet
      .pod(1)
      .open(['a'], formatPosition([...entries, ...ahead]))
      .flow()
    await settle()
    await take(1, ahead, 'had')
    await fleet.pod(0).sser.send('a', 'live')
    await fleet.clock.advance(1_000)
    expect(first.messages).toHaveLength(200)
    expect(again.gaps).toEqual([])
    expect(again.messages).toEqual(['meanwhile', 'live'])
  })
})
