import { describe, expect, it } from 'vitest'
import { Audience, Listeners } from '../../src/delivery/audience.ts'
import { Batch } from '../../src/delivery/batch.ts'
import type { Log } from '../../src/log/log.ts'
import { Listening } from '../support/listening.ts'

const MIB = 1_048_576
const EPOCHS = 2_000
const HIGH = 10 ** 12

/** A Pod with 2,000 epochs, so that each of its ids takes 28 KB. */
function crowded(): Listening {
  const pod = new Listening({ maxLastEventIdBytes: 40_000 })
  for (let i = 0; i < EPOCHS; i += 1) pod.incarnation.log.skipTo(epochOf(i), HIGH, pod.clock.now())
  return pod
}

function epochOf(i: number): string {
  return `${10_000 + i}`
}

/** Counts how often a position is formatted from now on. */
function countFormats(log: Log): () => number {
  let formats = 0
  class Counting extends Map<string, number> {
    override [Symbol.iterator]() {
      formats += 1
      return super[Symbol.iterator]()
    }
  }
  const positionAt = log.positionAt.bind(log)
  log.positionAt = (index, now) => {
    const position = new Counting()
    for (const [epoch, seq] of positionAt(index, now)) position.set(epoch, seq)
    return position
  }
  return () => formats
}

/** Streams with connections. */
class Streams {
  readonly #listeners = new Map<string, Listeners>()

  readonly on = (stream: string): Listeners | undefined => this.#listeners.get(stream)

  /** An audience of `streams`, each of which has connections from now on. */
  audience(...streams: string[]): Audience {
    const audience = new Audience(streams)
    audience.members = streams.map((stream) => {
      const listeners = this.on(stream) ?? new Listeners(stream)
      this.#listeners.set(stream, listeners)
      return listeners
    })
    return audience
  }
}

/** The batches from the entry `from` on for an audience of `a`. */
function batches({ incarnation: { log }, clock }: Listening, from: number) {
  const streams = new Streams()
  const audience = streams.audience('a')
  const all = []
  for (let next = from; next < log.nextIndex; ) {
    const batch = new Batch(log, next, clock.now(), streams.on)
    all.push({
      batch,
      chunk: batch.chunk(audience),
      text: new TextDecoder().decode(batch.chunk(audience)?.encoded()),
    })
    next = batch.to
  }
  return all
}

describe('a batch', () => {
  it('holds as many events as a peer sends at once', () => {
    const pod = new Listening()
    const from = pod.incarnation.log.nextIndex
    for (let i = 0; i < 5_000; i += 1) pod.send('a', 'x'.repeat(100))
    expect(batches(pod, from).map(({ chunk }) => chunk?.events)).toEqual([5_000])
  })

  it('looks at the streams of an audience once, however many connections ask for the chunk', () => {
    const pod = new Listening()
    const from = pod.incarnation.log.nextIndex
    pod.send('a', 'x')
    const streams = new Streams()
    const audience = streams.audience('a')
    const batch = new Batch(pod.incarnation.log, from, pod.clock.now(), streams.on)
    const { members } = audience
    let looks = 0
    Object.defineProperty(audience, 'members', {
      get() {
        looks += 1
        return members
      },
    })
    const chunks = Array.from({ length: 1_000 }, () => batch.chunk(audience))
    expect(new Set(chunks).size).toBe(1)
    expect(looks).toBe(1)
  })

  it('counts the work of its chunks in integers, which V8 does not allocate', () => {
    const pod = new Listening()
    const from = pod.incarnation.log.nextIndex
    for (const stream of ['a', 'b', 'a']) pod.send(stream, 'x')
    const streams = new Streams()
    const audiences = [['a'], ['b'], ['a', 'b']].map((names) => streams.audience(...names))
    const batch = new Batch(pod.incarnation.log, from, pod.clock.now(), streams.on)
    for (const audience of audiences) {
      batch.chunk(audience)
      expect(batch.work).toBeGreaterThan(0)
      expect(batch.work).toSatisfy(Number.isSafeInteger)
    }
  })

  it('ends at its length limit, which counts long ids', () => {
    const pod = crowded()
    const { log } = pod.incarnation
    const from = log.nextIndex
    for (let i = 0; i < 200; i += 1) pod.send('a', `${i}`)
    const all = batches(pod, from)
    expect(all.length).toBeGreaterThan(2)
    for (const { text } of all) expect(text.length).toBeLessThan(MIB + 40_000)
    const messages = all.flatMap(({ text }) => [...text.matchAll(/^data: (\d+)$/gm)].map(([, msg]) => msg))
    expect(messages).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`))
  })

  it('sends one gap for consecutive holes', () => {
    const pod = crowded()
    const { log } = pod.incarnation
    const from = log.nextIndex
    for (let i = 1; i <= 3_000; i += 1) log.skipTo(epochOf(0), HIGH + i, pod.clock.now())
    const formats = countFormats(log)
    const [{ chunk, text } = {}, ...others] = batches(pod, from)
    expect(others).toEqual([])
    expect(chunk?.gaps).toEqual(['peer-loss'])
    expect(text).toContain(`${epochOf(0)}${(HIGH + 3_000).toString(36)}`)
    expect(formats()).toBe(1)
  })

  it('sends one gap for all evicted events of a stream', () => {
    const pod = new Listening({ logMaxBytes: 400_000 })
    const { log } = pod.incarnation
    for (let i = 0; i < 1_000; i += 1) pod.send('a', 'x'.repeat(1_000))
    expect(log.floors.evictions).toBeGreaterThan(100)
    const formats = countFormats(log)
    const [{ chunk } = {}] = batches(pod, 0)
    expect(chunk?.gaps).toEqual(['trimmed'])
    // Once for the gap, and once for all of its events, whose ids differ in one seq.
    expect(chunk?.events).toBeGreaterThan(100)
    expect(formats()).toBe(2)
  })

  it('sends the gap of a hole between two events before the second event’s id', () => {
    const pod = new Listening()
    const { log } = pod.incarnation
    const from = log.nextIndex
    pod.send('a', 'before')
    log.skipTo('peer1', 7, pod.clock.now())
    pod.append({ stream: 'not this', msg: 'x' }, 'peer1')
    pod.append({ stream: 'a', msg: 'after' }, 'peer1')
    const text = batches(pod, from)[0]?.text ?? ''
    expect(text).toMatch(
      /before\nid: \S+\n\nevent: sser-gap\ndata: \S+\nid: \S*peer1[78]-\S+\n\ndata: after\nid: \S*peer19-\S+\n\n$/,
    )
  })

  it('encodes a gap for all connections once', () => {
    const pod = new Listening()
    const { log } = pod.incarnation
    const from = log.nextIndex
    pod.send('b', 'x')
    log.skipTo('peer1', 7, pod.clock.now())
    const streams = new Streams()
    const audiences = ['a', 'b', 'c'].map((stream) => streams.audience(stream))
    const batch = new Batch(log, from, pod.clock.now(), streams.on)
    const [a, b, c] = audiences.map((audience) => batch.chunk(audience))
    expect(a?.gaps).toEqual(['peer-loss'])
    expect(c?.bytes).toBe(a?.bytes)
    expect(b).toMatchObject({ events: 1, gaps: ['peer-loss'] })
    expect(b?.bytes).not.toBe(a?.bytes)
  })

  it('reads a bounded number of entries, wanted or not', () => {
    const pod = new Listening()
    for (let i = 0; i < 40_000; i += 1) pod.append({}, 'peer1')
    const all = batches(pod, 0)
    expect(all.length).toBe(3)
    expect(all.map(({ chunk }) => chunk)).toEqual([undefined, undefined, undefined])
  })
})

describe('the hub', () => {
  it('ends at a number of streams, so that its frames are released before the next ones are made', () => {
    const pod = new Listening()
    const { log } = pod.incarnation
    const streams = new Streams()
    const first = log.nextIndex
    for (let i = 0; i < 3_000; i += 1) {
      streams.audience(`stream-${i}`)
      pod.send(`stream-${i}`, 'x')
    }
    const sizes: number[] = []
    for (let from = first; from < log.nextIndex; ) {
      const batch = new Batch(log, from, pod.clock.now(), streams.on)
      sizes.push(batch.affected?.length ?? 0)
      from = batch.to
    }
    expect(sizes).toEqual([1_024, 1_024, 952])
  })

  it('yields between the batches of a long backlog, and delivers them in order', async () => {
    const pod = crowded()
    const client = pod.connect('a')
    await pod.clock.advance(0)
    for (let i = 0; i < 200; i += 1) pod.send('a', `${i}`)
    const turns: number[] = []
    const look = () => {
      turns.push(client.messages.length)
      if (client.messages.length < 200) pod.clock.after(0, look)
    }
    pod.clock.after(0, look)
    await pod.clock.advance(0)
    expect(client.messages).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`))
    expect(client.gaps).toEqual([])
    expect(turns.filter((count) => count < 200).length).toBeGreaterThan(2)
  })
})
