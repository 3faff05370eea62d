import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { acquainted, endPods, type PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { TcpServer } from './proxy.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
const EVENTS = 150
/** What waits for the hung peer waits as long. */
const REQUEST_TIMEOUT_MS = 400
/** More than the kernel buffers for a connection, 4 MB, in all. */
const LARGE = 'x'.repeat(59_000)
const servers: TcpServer[] = []

afterEach(async () => {
  closeClients()
  await endPods()
  for (const server of servers.splice(0)) await server.cut()
})

interface Times {
  /** From `send()` at one Pod to a client of another, or of the same. */
  deliveries: number[]
  /** From `send()` to its receipt. */
  sends: number[]
}

test.each<[Runtime, string, string]>([
  ['node', '127.0.70.1', '127.0.70.9'],
  ['bun', '127.0.71.1', '127.0.71.9'],
])('under %s, a stalled client and a hung peer delay no other client', async (...args) => {
  const [runtime, first, hungAddress] = args
  const hung = await TcpServer.listen(hungAddress, 7110, (socket) => socket.resume())
  servers.push(hung)
  const env = { OPTIONS: JSON.stringify({ requestTimeoutMs: REQUEST_TIMEOUT_MS, initialSyncTimeoutMs: 300 }) }
  const options = { script: SCRIPT, env }
  // Both fleets run at once, so that other load of the machine affects both.
  const without = await startFleet([runtime, runtime], first.replace(/1$/, '5'), options)
  const beside = await startFleet([runtime, runtime], first, { ...options, peers: [hung.host] })
  await acquainted(without)
  for (const pod of beside) {
    const knowsBetter = async () => (await pod.state()).peers.some(({ state }) => state === 'failing')
    await until(`${pod} knows that the peer hangs`, knowsBetter)
  }
  const frozen = await Promise.all(beside.map((pod) => RawClient.events(pod.url, ['large'])))
  for (const raw of frozen) {
    await raw.holds('a greeting', (text) => text.includes('sser-position'))
    raw.socket.pause()
  }

  const [control, times] = await Promise.all([measure(without), measure(beside)])
  for (const [name, { deliveries, sends }] of Object.entries({ without: control, beside: times })) {
    const [delivery, send] = [deliveries, sends].map((all) => `p50 ${at(all, 0.5)}, p99 ${at(all, 0.99)}`)
    console.log(`${runtime}, ${name}: deliveries ${delivery} ms, sends ${send} ms, of ${deliveries.length}`)
  }
  expect(hung.accepted).toBeGreaterThan(0)
  for (const kind of ['deliveries', 'sends'] as const) {
    // The last percents are the machine's own: there, one fleet or the other waits for a core.
    for (const share of [0.5, 0.9]) {
      expect(at(times[kind], share) - at(control[kind], share), `${kind} ${share}`).toBeLessThan(
        REQUEST_TIMEOUT_MS / 2,
      )
    }
  }

  // The stalled clients were not cut off: they continue where they stopped, or receive a gap.
  for (const raw of frozen) {
    raw.take()
    raw.socket.resume()
    await raw.holds('the last event', (text) => text.includes(`data: ${EVENTS - 1} `))
  }
})

/** Small events at a steady pace, with large ones between; each client's delay is read off this process's clock. */
async function measure(pods: readonly PodProcess[]): Promise<Times> {
  const clients = await Promise.all([...pods, ...pods].map((pod) => StreamClient.open(pod.url, 'small')))
  const readers = await Promise.all(pods.map((pod) => StreamClient.open(pod.url, 'large')))
  const sends: number[] = []
  const pending: Promise<unknown>[] = []
  for (let i = 0; i < EVENTS; i += 1) {
    const pod = pods[i % pods.length] as PodProcess
    const start = performance.now()
    pending.push(pod.send('small', String(start)).then(() => sends.push(performance.now() - start)))
    pending.push(pod.send('large', `${i} ${LARGE}`))
    await pause(12)
  }
  await Promise.all(pending)
  const hasAll = () =>
    clients.every(({ received }) => received.length === EVENTS) &&
    readers.every(({ received }) => received.length === EVENTS)
  await until('every client that reads has everything', hasAll)
  const deliveries = clients.flatMap(({ received }) =>
    received.map(({ msg, at: when }) => when - Number(msg)),
  )
  return { deliveries, sends }
}

function at(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN) * 10) / 10
}
