import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { acquainted, endPods, type PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const EVENTS = 1_000
const CLIENTS = 30
const SENDERS = 128
const STREAMS = ['orders', 'prices', 'chat', 'größe', 'a b&c=d']
const SEED = 20_240_611
const script = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
/** A busy machine may be slow; each receipt must say `delivered` nevertheless. */
const env = { OPTIONS: JSON.stringify({ ackTimeoutMs: 20_000 }) }

afterEach(async () => {
  closeClients()
  await endPods()
})

test.each<[string, Runtime[], string]>([
  ['three Pods under Node', ['node', 'node', 'node'], '127.0.10.1'],
  ['three Pods under Bun', ['bun', 'bun', 'bun'], '127.0.10.11'],
  ['a mixed fleet', ['node', 'bun', 'node'], '127.0.10.21'],
])('every client gets every event once, in the order of each Pod: %s', async (name, runtimes, first) => {
  const random = seeded(SEED)
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T
  const pods = await startFleet(runtimes, first, { script, env })
  await acquainted(pods)
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => {
      const one = pick(STREAMS)
      const another = pick(STREAMS)
      // Every third listens on two streams, where the dice allow it.
      const streams = i % 3 === 0 && another !== one ? [one, another] : [one]
      return StreamClient.open((pods[i % pods.length] as PodProcess).url, ...streams)
    }),
  )
  const sent = Array.from({ length: EVENTS }, (_, i) => ({
    pod: pick(pods),
    stream: pick(STREAMS),
    msg: `event ${i}${i % 100 === 0 ? '\n<second line>\u2028 ✓' : ''}`,
  }))

  const start = performance.now()
  const ids = new Map<string, string>()
  await concurrently(SENDERS, sent, async ({ pod, stream, msg }) => {
    const { id, peers } = await pod.send(stream, msg)
    expect(peers.map(({ status }) => status)).toEqual(['delivered', 'delivered'])
    ids.set(msg, id)
  })
  const sentAfter = performance.now() - start
  const wanted = new Map(clients.map((client) => [client, wantedBy(client, sent)]))
  for (const [client, { length }] of wanted) {
    const hasAll = () => client.received.length >= length
    await until(`a client of ${client.streams} has ${length} events`, hasAll)
  }
  const tookMs = Math.round(performance.now() - start)
  console.log(`${name}: ${EVENTS} sent in ${Math.round(sentAfter)} ms, all delivered in ${tookMs} ms`)

  // The last events arrive last: a duplicate of any other would have arrived before them.
  await Promise.all(STREAMS.flatMap((stream) => pods.map((pod) => pod.send(stream, 'the end'))))
  for (const [client, messages] of wanted) {
    const ends = client.streams.length * pods.length
    const hasEnded = () => client.messages.filter((msg) => msg === 'the end').length >= ends
    await until(`a client of ${client.streams} has the last ${ends} events`, hasEnded)
    const got = client.messages.filter((msg) => msg !== 'the end')
    expect(got.toSorted()).toEqual(messages.toSorted())
    expectOrder(got.map((msg) => ids.get(msg) as string))
    expect(client.gaps).toEqual([])
  }
})

function wantedBy(client: StreamClient, sent: readonly { stream: string; msg: string }[]): string[] {
  return sent.filter(({ stream }) => client.streams.includes(stream)).map(({ msg }) => msg)
}

/** A receipt's id is an epoch of five characters, the seq and a check: each Pod's own events must come with rising seqs. */
function expectOrder(ids: readonly string[]): void {
  const last = new Map<string, number>()
  for (const id of ids) {
    const [, epoch, seq] = /^(.{5})(\w+)-/.exec(id) as unknown as [string, string, string]
    const number = Number.parseInt(seq, 36)
    expect(number).toBeGreaterThan(last.get(epoch) ?? 0)
    last.set(epoch, number)
  }
}

async function concurrently<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>) {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
