import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { EventSource } from 'eventsource'
import { createEventSource } from 'eventsource-client'
import { EventSource as UndiciEventSource } from 'undici'
import { afterEach, expect, test } from 'vitest'
import { acquainted, endPods, PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { until, WAIT_MS } from '../support/until.ts'
import { TcpServer } from './proxy.ts'
import { RoamingClient } from './roaming-client.ts'
import { missing, Sender, type Sent, STREAMS, stream, twice } from './sender.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
const CLIENTS = 12
const SEND_FOR_MS = 4_500
/** Enough delivered events to lose one. */
const ENOUGH = 100

const closes: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const close of closes.splice(0)) await close()
  await endPods()
})

// A quarter of the log's age is how long one survivor may lack what the other has of a Pod that was killed. On a busy
// machine a Pod needs time to fetch the log, and clients are away for longer than that age: otherwise they get gaps.
const env = {
  OPTIONS: JSON.stringify({ retryMs: 100, logMaxAgeMs: 20_000, initialSyncTimeoutMs: 60_000 }),
  CLOCK_RATE: '0.2',
}

test.each<[string, Runtime[], string]>([
  ['Node', ['node', 'node', 'node'], '127.0.90.1'],
  ['Bun', ['bun', 'bun', 'bun'], '127.0.90.11'],
  ['Node and Bun', ['node', 'bun', 'node'], '127.0.90.21'],
])(
  'under %s, clients that move between Pods get each event once while one drains and one is killed',
  async (name, runtimes, first) => {
    const pods = (await startFleet(runtimes, first, { script: SCRIPT, env })) as [
      PodProcess,
      PodProcess,
      PodProcess,
    ]
    await acquainted(pods)
    const urls = pods.map(({ url }) => url)
    const clients = Array.from(
      { length: CLIENTS },
      (_, i) => new RoamingClient(urls, i, [stream(i), stream(i + 1 + (i % 2))]),
    )
    closes.push(() => clients.forEach((client) => void client.close()))
    await until('all clients were greeted', () => clients.every(({ greetings }) => greetings > 0))

    const start = performance.now()
    const sender = new Sender(pods)
    closes.push(() => sender.stop())
    const sentFor = (ms: number) =>
      until(`events were sent for ${ms} ms`, () => performance.now() - start >= ms, ms + WAIT_MS)
    const restart = async (i: number, signal: NodeJS.Signals) => {
      const old = pods[i] as PodProcess
      const ends = old.kill(signal)
      sender.without(old)
      const how = await ends
      const again = await PodProcess.start(old.options)
      pods[i] = again
      await acquainted(pods)
      sender.live.push(again)
      return how
    }
    await sentFor(1_000)
    expect(await restart(0, 'SIGTERM')).toBe(0)
    await sentFor(2_500)
    expect(await restart(1, 'SIGKILL')).toBe('SIGKILL')
    await sentFor(SEND_FOR_MS)
    // A busy machine sends fewer events a second.
    const delivered = () => sender.accepted.filter(({ isDelivered }) => isDelivered).length
    await until(`${ENOUGH} events were delivered`, () => delivered() > ENOUGH, WAIT_MS, 20)
    sender.stop()
    await until('every send was answered', () => sender.pending === 0)
    await acquainted(pods)

    for (const client of clients) client.settle()
    // Every client must receive the last events of each Pod, and by then has the Pod's earlier ones.
    const last: Sent[] = []
    for (const pod of pods) {
      for (const to of STREAMS) {
        const msg = `last of ${pod} to ${to}`
        await pod.send(to, msg)
        last.push({ stream: to, msg, isDelivered: true })
      }
    }
    await until('all clients have the last events', () =>
      clients.every((client) => missing(client, last).length === 0),
    )
    const promised = sender.accepted.filter(({ isDelivered }) => isDelivered)
    const lacks = (client: RoamingClient) => client.gaps.length === 0 && missing(client, promised).length > 0
    await until('all clients have what was delivered', () => !clients.some(lacks))
    const whole = clients.filter(({ gaps }) => gaps.length === 0)
    const told = clients.flatMap(({ gaps }) => gaps)
    const sum = (of: (client: RoamingClient) => number) =>
      clients.reduce((total, client) => total + of(client), 0)
    console.log(
      `${name}: ${sender.started} sends, ${sender.failed} failed, ${sender.accepted.length} accepted, ` +
        `${promised.length} delivered at a peer; ${sum(({ messages }) => messages.length)} received over ` +
        `${sum(({ greetings }) => greetings)} connections, ${sum(({ resumes }) => resumes)} resumed; ` +
        `${told.length} gaps at ${CLIENTS - whole.length} clients ${[...new Set(told)].join(' ')}; ` +
        `accepted and missing: ${sum((client) => missing(client, sender.accepted).length)}`,
    )
    for (const client of clients) expect(twice(client.messages)).toEqual([])
    for (const client of whole) expect(missing(client, promised)).toEqual([])
    expect(clients.map(({ error }) => error).filter((error) => error !== undefined)).toEqual([])
    expect(clients.every(({ resumes }) => resumes >= 5)).toBe(true)
    expect(promised.length).toBeGreaterThan(ENOUGH)
    expect(whole.length).toBeGreaterThan(CLIENTS / 2)
  },
)

interface Seen {
  message(data: string): void
  /** With the event's type. */
  named(type: string): void
}

/** Opens a client; returns how to close it. */
type Open = (url: string, seen: Seen) => () => void

const listen = (source: EventSource | UndiciEventSource, { message, named }: Seen) => {
  for (const type of ['sser-position', 'sser-gap']) source.addEventListener(type, () => named(type))
  source.addEventListener('message', (event) => message((event as MessageEvent).data))
  return () => source.close()
}

test.each<[string, string, Open]>([
  ['eventsource', '127.0.90.31', (url, seen) => listen(new EventSource(url), seen)],
  ['the EventSource of undici', '127.0.90.41', (url, seen) => listen(new UndiciEventSource(url), seen)],
  [
    'eventsource-client',
    '127.0.90.51',
    (url, { message, named }) => {
      const onMessage = ({ event, data }: { event?: string | undefined; data: string }) =>
        event === undefined ? message(data) : named(event)
      const source = createEventSource({ url, onMessage })
      return () => source.close()
    },
  ],
])('%s resumes by itself on another Pod', async (_name, first, open) => {
  const [a, b] = (await startFleet(['node', 'bun'], first, { script: SCRIPT, env })) as [
    PodProcess,
    PodProcess,
  ]
  await acquainted([a, b])
  let target = a
  const requests: { pod: PodProcess; head: string }[] = []
  const relay = await TcpServer.listen(first.replace(/1$/, '9'), 8110, (socket) => {
    const pod = target
    const onward = connect({ host: pod.options.host, port: 8110 })
    onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.once('data', (chunk) => requests.push({ pod, head: chunk.toString() }))
    socket.on('close', () => onward.destroy())
    socket.pipe(onward).pipe(socket)
  })
  closes.push(() => relay.cut())

  const messages: string[] = []
  const names: string[] = []
  const seen: Seen = { message: (data) => messages.push(data), named: (type) => names.push(type) }
  closes.push(open(`http://${relay.host}/events?stream=a`, seen))
  await until('the client is greeted by A', () => names.length > 0)

  const sent: string[] = []
  const send = async (pod: PodProcess) => {
    const msg = `event ${sent.length}`
    sent.push(msg)
    const { peers } = await pod.send('a', msg)
    return peers[0]?.status
  }
  for (let i = 0; i < 20; i++) expect(await send(i % 2 === 0 ? a : b)).toBe('delivered')
  await until('some are there', () => messages.length >= 10)
  target = b
  const dies = a.kill()
  for (let i = 0; i < 20; i++) await send(b)
  await dies
  await until('the client came back to B', () => requests.some(({ pod }) => pod === b))
  await send(b)
  await until('all are there', () => messages.length >= sent.length)
  // In each Pod's order; A's and B's may be mixed otherwise than they were sent.
  const order = (all: readonly string[]) => [...all].sort((x, y) => Number(x.slice(6)) - Number(y.slice(6)))
  expect(order(messages)).toEqual(sent)
  expect(names).not.toContain('sser-gap')
  expect(requests.map(({ pod }) => pod)).toEqual([a, b])
  expect(requests[0]?.head).not.toMatch(/last-event-id:/i)
  expect(requests[1]?.head).toMatch(/\r\nlast-event-id: \w{5}\w[\w.~]*-\w{3}\r\n/i)
})
