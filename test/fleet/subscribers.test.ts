import { afterEach, expect, test } from 'vitest'
import { acquainted, endPods, type Runtime } from '../support/pod-process.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until, WAIT_MS } from '../support/until.ts'
import { LedgerClient, Subscriber, SubscribingPod, streamsOf } from './subscribing-fleet.ts'

const RUNTIMES: Runtime[] = ['node', 'bun', 'node']
const HOSTS = ['127.0.92.1', '127.0.92.2', '127.0.92.3']
const SUBSCRIBERS = 20
const CLIENTS = 50
/** Items that each subscriber receives between two restarts. */
const BETWEEN = 5
const RESTARTS: [place: number, signal: 'SIGKILL' | 'SIGTERM'][] = [
  [1, 'SIGTERM'],
  [0, 'SIGKILL'],
  [2, 'SIGTERM'],
]

const closes: (() => void)[] = []

afterEach(async () => {
  for (const close of closes.splice(0)) close()
  closeClients()
  await endPods()
})

test('subscribers that resume on another Pod, and clients beside them, get each event once while Pods are killed and drained', async () => {
  const faults: string[] = []
  const report = (fault: string) => faults.push(fault)
  const subscribers = Array.from(
    { length: SUBSCRIBERS },
    (_, i) => new Subscriber(i, i % HOSTS.length, report),
  )
  const all: SubscribingPod[] = []
  let started = 0
  const start = async (place: number) => {
    const onLine = (line: string) => {
      const [what, name, id = '', type = '', ...text] = line.split(' ')
      const subscriber = subscribers[Number(name)]
      if (what === 'item') subscriber?.take(id, type, text.join(' '))
      else if (what === 'end' && subscriber !== undefined) subscriber.hasEnded = true
    }
    const peers = HOSTS.map((host) => `${host}:7110`)
    const options = { runtime: RUNTIMES[place] as Runtime, host: HOSTS[place] as string, peers, onLine }
    started += 1
    const pod = await SubscribingPod.start(started, options)
    closes.push(() => pod.rest())
    all.push(pod)
    return pod
  }
  const pods = await Promise.all(HOSTS.map((_, place) => start(place)))
  const processes = () => pods.map(({ pod }) => pod)
  await acquainted(processes())

  const at = (place: number) => pods[place % HOSTS.length] as SubscribingPod
  await Promise.all(
    subscribers.map((subscriber) => subscriber.subscribe(at(subscriber.place), subscriber.place)),
  )
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, i) => {
      const streams = streamsOf(i).map(String)
      return new LedgerClient(await StreamClient.open(at(i).pod.url, ...streams), report)
    }),
  )
  for (const pod of pods) pod.send()

  const receiveMore = async () => {
    const before = subscribers.map(({ items }) => items)
    const hasMore = ({ items }: Subscriber, i: number) => items >= (before[i] as number) + BETWEEN
    const isEnough = () => faults.length > 0 || subscribers.every(hasMore)
    await until(`each subscriber has ${BETWEEN} more items`, isEnough)
    expect(faults).toEqual([])
  }
  await receiveMore()
  let resumed = 0
  for (const [place, signal] of RESTARTS) {
    const moving = subscribers.filter((subscriber) => subscriber.place === place)
    const how = await at(place).end(signal)
    expect(how).toBe(signal === 'SIGTERM' ? 0 : 'SIGKILL')
    // The loops of a Pod that drains end without an error; those of a Pod that is killed say nothing.
    expect(moving.map(({ hasEnded }) => hasEnded)).toEqual(moving.map(() => signal === 'SIGTERM'))
    await Promise.all(
      moving.map((subscriber, i) => {
        const next = (place + 1 + (i % 2)) % HOSTS.length
        return subscriber.subscribe(at(next), next)
      }),
    )
    resumed += moving.length
    pods[place] = await start(place)
    await acquainted(processes())
    at(place).send()
    await receiveMore()
  }
  for (const pod of pods) pod.rest()
  await until('every send was answered', () => all.every(({ isSending }) => !isSending))

  const due = all.map((pod) => pod.due)
  const lacking = () => [
    ...subscribers.filter(({ ledger }) => ledger.lacking(due) > 0),
    ...clients.filter((client) => client.lacking(due) > 0),
  ]
  try {
    await until(
      'each subscriber and client has every event, or a gap',
      () => lacking().length === 0,
      WAIT_MS,
      20,
    )
  } catch {
    // The ledgers say below which events are missing.
  }
  for (const { ledger } of [...subscribers, ...clients]) ledger.judge(due)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
  const gapsOf = (listeners: readonly { ledger: { gaps: number } }[]) =>
    sum(listeners.map(({ ledger }) => ledger.gaps))
  console.log(
    `${sum(all.map(({ accepted }) => accepted))} events accepted by ${all.length} Pods; ` +
      `${sum(subscribers.map(({ items }) => items))} items at ${SUBSCRIBERS} subscribers, ${resumed} resumed, ` +
      `${gapsOf(subscribers)} gaps; ${sum(clients.map(({ client }) => client.received.length))} events at ` +
      `${CLIENTS} clients, ${sum(clients.map(({ client }) => client.silences.length))} came back, ${gapsOf(clients)} gaps`,
  )
  expect(faults).toEqual([])
  expect(clients.map(({ client }) => client.failure).filter(Boolean)).toEqual([])
  expect(subscribers.filter(({ ledger }) => ledger.gaps === 0).length).toBeGreaterThan(SUBSCRIBERS / 2)
  expect(clients.filter(({ ledger }) => ledger.gaps === 0).length).toBeGreaterThan(CLIENTS / 2)
  // A Pod has the subscriptions of the loops on it, and no others.
  for (const [place, { pod }] of pods.entries()) {
    const open = subscribers.filter((subscriber) => subscriber.place === place).length
    expect(await pod.post('/subscriptions', undefined)).toMatchObject({ open })
  }
})
