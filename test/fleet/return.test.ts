import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { acquainted, endPods, PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { TcpServer } from './proxy.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
const servers: TcpServer[] = []

afterEach(async () => {
  closeClients()
  await endPods()
  for (const server of servers.splice(0)) await server.cut()
})

const texts = (count: number) => Array.from({ length: count }, (_, i) => `event ${i}`)

/** A fleet of two, and a client of the second; every option is the default but for how long a peer may be silent. */
async function twoPods(
  runtime: Runtime,
  first: string,
): Promise<{ here: PodProcess; there: PodProcess; client: StreamClient }> {
  const env = { OPTIONS: JSON.stringify({ requestTimeoutMs: 600, ackTimeoutMs: 300, retryMs: 100 }) }
  const [here, there] = (await startFleet([runtime, runtime], first, { script: SCRIPT, env })) as [
    PodProcess,
    PodProcess,
  ]
  await acquainted([here, there])
  return { here, there, client: await StreamClient.open(there.url, 'a') }
}

test.each<[Runtime, string]>([
  ['node', '127.0.60.1'],
  ['bun', '127.0.60.11'],
])('under %s, a Pod that hangs is named, and gets every event once afterwards', async (runtime, first) => {
  const { here, there, client } = await twoPods(runtime, first)
  const peer = `${there.options.host}:7110`
  const [one, two, three] = ['event 0', 'event 1', 'event 2'] as const
  there.signal('SIGSTOP')
  expect((await here.send('a', one)).peers).toEqual([
    { peer, status: 'pending', reason: 'no answer within 300 ms' },
  ])
  await until('the link gave up', async () =>
    (await here.state()).peers.some(({ state }) => state === 'failing'),
  )
  expect((await here.send('a', two)).peers).toEqual([
    { peer, status: 'pending', reason: 'no answer within 600 ms' },
  ])
  expect(client.received).toEqual([])
  there.signal('SIGCONT')
  await until('both are there', () => client.received.length >= 2)
  await until('the link works', async () => (await here.send('b', 'else')).peers[0]?.status === 'delivered')
  await here.send('a', three)
  await until('all three are there', () => client.received.length >= 3)
  expect(client.messages).toEqual(texts(3))
  expect(client.gaps).toEqual([])
})

test.each<[Runtime, string]>([
  ['node', '127.0.61.1'],
  ['bun', '127.0.61.11'],
])('under %s, a cut network is reported, and every event crosses after repair', async (runtime, here) => {
  const there = here.replace(/1$/, '2')
  // The way there leads through the proxy; the way back is direct, and must not be needed.
  const wire = await TcpServer.proxy(here.replace(/1$/, '3'), 7110, { host: there, port: 7110 })
  servers.push(wire)
  const far = await PodProcess.start({ runtime, host: there, peers: [`${here}:7110`] })
  const near = await PodProcess.start({ runtime, host: here, peers: [wire.host] })
  await acquainted([near])
  const client = await StreamClient.open(far.url, 'a')
  await wire.cut()
  for (const msg of texts(20)) {
    const [receipt] = (await near.send('a', msg)).peers
    expect(receipt).toMatchObject({ peer: wire.host, status: 'failed' })
    expect(receipt?.reason).toMatch(runtime === 'node' ? /ECONNREFUSED|ECONNRESET|closed/ : /./)
  }
  expect(client.received).toEqual([])
  await wire.restore()
  await until('all are there', () => client.received.length >= 20)
  await acquainted([near])
  expect((await near.send('a', 'event 20')).peers).toMatchObject([{ status: 'delivered' }])
  await until('the next is there', () => client.received.length >= 21)
  expect(client.messages).toEqual(texts(21))
  expect(client.gaps).toEqual([])
})

test.each<[Runtime, string]>([
  ['node', '127.0.62.1'],
  ['bun', '127.0.62.11'],
])(
  'under %s, a Pod that is killed begins a new incarnation, and its client resumes without loss',
  async (runtime, first) => {
    const { here, there, client } = await twoPods(runtime, first)
    const sent = texts(9)
    const send = async (from: number, to: number) => {
      for (const msg of sent.slice(from, to)) await here.send('a', msg)
    }
    await send(0, 3)
    await until('the first three are there', () => client.received.length === 3)
    await there.kill('SIGKILL')
    const greeted = client.greeted()
    await send(3, 6)
    expect((await here.send('b', 'else')).peers).toMatchObject([{ status: 'failed' }])
    const again = await PodProcess.start(there.options)
    await greeted
    await acquainted([here, again])
    await send(6, 9)
    await until('all nine are there', () => client.received.length >= 9)
    expect(client.messages).toEqual(sent)
    expect(client.gaps).toEqual([])
  },
)
