import { describe, expect, it } from 'vitest'
import { settle } from './support/clock.ts'
import { blocksOf } from './support/work.ts'

const { Fleet, Pod } = await import('./support/fleet.ts')
type Pod = InstanceType<typeof Pod>

const SMALL = 40
const TIMES = 4

/** How many times the work grows where the size of a shape grows {@link TIMES} times. */
async function growth(shape: (size: number) => Promise<number>, size = SMALL): Promise<number> {
  // V8 compiles a function at its first call, and counts its blocks only from then on.
  await shape(size)
  const small = await least(() => shape(size))
  return (await least(() => shape(size * TIMES))) / small
}

/** The smaller of two counts, because on a busy machine the same work takes more turns of the event loop. */
async function least(count: () => Promise<number>): Promise<number> {
  return Math.min(await count(), await count())
}

/** Calls `call` for 0 to `count` - 1. */
function each<T>(count: number, call: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => call(i))
}

async function startedPod(): Promise<Pod> {
  const pod = new Pod({
    drainTimeoutMs: 0,
    authorize: (c, { streams }) => ({ streams, tags: [c.req.header('tag') ?? 'none'] }),
  })
  await pod.sser.start()
  return pod
}

type Client = Awaited<ReturnType<typeof connect>>

/** Connects a client that reads all the time; `tag` is the connection's tag. */
async function connect(pod: Pod, streams: readonly string[], tag = 'none', lastEventId?: string) {
  const query = streams.map((stream) => `stream=${stream}`).join('&')
  const headers = { tag, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) }
  const { body } = await pod.sser.handler(new Request(`http://pod/?${query}`, { headers }))
  let events = 0
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of body as ReadableStream<Uint8Array>)
      events += decoder.decode(chunk).split('data: x\n').length - 1
  })()
  return { reading, events: () => events }
}

/** Runs `work` on a Pod with the connections, and returns its blocks; each client receives `due` events. */
async function blocksFor(
  connections: readonly (readonly string[])[],
  work: (pod: Pod) => unknown,
  due: (i: number) => number,
): Promise<number> {
  const pod = await startedPod()
  const clients: Client[] = []
  for (const streams of connections) clients.push(await connect(pod, streams))
  await settle()
  const blocks = await blocksOf(async () => {
    await work(pod)
    const isDone = () => clients.every(({ events }, i) => events() >= due(i))
    for (let turns = 0; turns < 1_000 && !isDone(); turns += 1) await settle()
  })
  expect(clients.map(({ events }) => events())).toEqual(clients.map((_, i) => due(i)))
  await pod.sser.stop()
  await Promise.all(clients.map(({ reading }) => reading))
  return blocks
}

/** Streams of a connection that has its own stream and one that it shares with all others. */
const ownAndShared = (i: number) => [`own-${i}`, 'shared']

describe('the work grows with the size, and no faster, for', () => {
  it('an event to each of many streams in one turn', async () => {
    const shape = (size: number) =>
      blocksFor(
        each(size, (i) => [`own-${i}`]),
        ({ sser }) => Promise.all(each(size, (i) => sser.send(`own-${i}`, 'x'))),
        () => 1,
      )
    expect(await growth(shape)).toBeLessThan(TIMES * 1.1)
  })

  it('events to each connection’s own stream and to a shared one in one turn', async () => {
    const shape = (size: number) =>
      blocksFor(
        each(size, ownAndShared),
        ({ sser }) =>
          Promise.all([
            ...each(10, () => sser.send('shared', 'x')),
            ...each(size, (i) => sser.send(`own-${i}`, 'x')),
          ]),
        () => 11,
      )
    expect(await growth(shape)).toBeLessThan(TIMES * 1.1)
  })

  it('events to connections with 32 streams each', async () => {
    const shape = (size: number) =>
      blocksFor(
        each(size, (i) => each(32, (j) => `${(i + j) % size}`)),
        ({ sser }) => Promise.all(each(size, (i) => sser.send(`${i}`, 'x'))),
        () => 32,
      )
    expect(await growth(shape)).toBeLessThan(TIMES * 1.1)
  })

  it('events on streams without connections', async () => {
    const shape = (size: number) =>
      blocksFor(
        [],
        ({ sser }) => Promise.all(each(size, (i) => sser.send(`${i}`, 'x'))),
        () => 0,
      )
    // In small queues, a ring that shrinks no further is a large part of the work.
    expect(await growth(shape, SMALL * TIMES)).toBeLessThan(TIMES * 1.1)
  })

  it('sends whose receipts are awaited one after another', async () => {
    const shape = (size: number) =>
      blocksFor(
        [['a']],
        async ({ sser }) => {
          for (let i = 0; i < size; i += 1) await sser.send('a', 'x')
        },
        () => size,
      )
    expect(await growth(shape)).toBeLessThan(TIMES * 1.2)
  })

  it('clients that resume, each on its own stream', async () => {
    const shape = async (size: number) => {
      const pod = await startedPod()
      const before = pod.sser.position
      await Promise.all(each(size, (i) => pod.sser.send(`own-${i}`, 'x')))
      const clients: Client[] = []
      const blocks = await blocksOf(async () => {
        for (let i = 0; i < size; i += 1) clients.push(await connect(pod, [`own-${i}`], 'none', before))
        for (let turns = 0; turns < 1_000 && clients.some(({ events }) => events() < 1); turns += 1)
          await settle()
      })
      expect(clients.map(({ events }) => events())).toEqual(each(size, () => 1))
      await pod.sser.stop()
      await Promise.all(clients.map(({ reading }) => reading))
      return blocks
    }
    // A binary search of the log takes as many steps as the logarithm of its length.
    expect(await growth(shape)).toBeLessThan(TIMES * 1.5)
  })
})

it('the work of a burst grows with the peers, and no faster', async () => {
  const shape = async (size: number) => {
    const fleet = await Fleet.of(size + 1)
    const { sser } = fleet.pod(0)
    const blocks = await blocksOf(() => Promise.all(each(50, () => sser.send('a', 'x'))))
    await fleet.stop()
    return blocks
  }
  expect(await growth(shape, 2)).toBeLessThan(TIMES * 1.1)
})

it('the work for a chunk of a run is independent of the number of Pods', async () => {
  const chunks = 100
  const shape = async (size: number) => {
    const fleet = await Fleet.withExchanges(size)
    await fleet.clock.advance(1_500)
    const run = await fleet.pod(0).sser.startRun('chat')
    run.write('x')
    // Its header reaches every Pod.
    await fleet.clock.advance(500)
    const pass = (write: () => void) =>
      blocksOf(async () => {
        for (let i = 0; i < chunks; i += 1) {
          write()
          await settle()
          await fleet.clock.advance(1)
        }
      })
    const blocks = await pass(() => run.write('x'))
    // The other work of the Pods, in the same part of their intervals.
    await fleet.clock.advance(5_000 - chunks)
    const idle = await pass(() => {})
    const flushed = run.flush()
    await fleet.clock.advance(100)
    expect(await flushed).toBe(2)
    run.end()
    await fleet.stop()
    return blocks - idle
  }
  await shape(3)
  const few = await shape(3)
  expect((await shape(3 * TIMES)) / few).toBeLessThan(1.2)
})

describe('the work is independent of the connections that are not concerned, for', () => {
  it('disconnects by tag', async () => {
    const shape = async (size: number) => {
      const pod = await startedPod()
      const clients: Client[] = []
      for (let i = 0; i < size; i += 1) clients.push(await connect(pod, [`own-${i % 4}`], `tag-${i}`))
      await settle()
      const blocks = await blocksOf(async () => {
        await Promise.all(each(10, (i) => pod.sser.disconnect({ tag: `tag-${i}` })))
        await Promise.all(clients.slice(0, 10).map(({ reading }) => reading))
      })
      expect(pod.sser.connections).toBe(size - 10)
      await pod.sser.stop()
      await Promise.all(clients.map(({ reading }) => reading))
      return blocks
    }
    expect(await growth(shape)).toBeLessThan(1.1)
  })

  it('an event on one stream of a connection with many', async () => {
    const shape = (size: number) =>
      blocksFor(
        each(10, (i) => each(Math.min(size, 32), (j) => `${i}-${j}`)),
        ({ sser }) => sser.send('0-0', 'x'),
        (i) => (i === 0 ? 1 : 0),
      )
    expect(await growth(shape)).toBeLessThan(1.1)
  })
})

it('a burst on a shared stream costs connections that have their own stream, too, hardly more work', async () => {
  const shape = (connections: string[][]) =>
    blocksFor(
      connections,
      ({ sser }) => Promise.all(each(10, () => sser.send('shared', 'x'))),
      () => 10,
    )
  const shared = each(200, () => ['shared'])
  await shape(shared)
  expect((await shape(each(200, ownAndShared))) / (await shape(shared))).toBeLessThan(1.5)
})
