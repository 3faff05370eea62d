// Figure 7: sends per second, three Pods as three processes, a client on each.

import type { BenchOptions } from '../harness/options.ts'
import { median, type Table } from '../harness/table.ts'
import { StreamClient } from '../pods/client.ts'
import { textOf } from '../pods/event.ts'
import { addresses, type PodProcess, startPods } from '../pods.ts'

const BYTES = 100

interface Throughput {
  /** Events that one Pod sent and all three clients received, once and in order. */
  events: number
  perSecond: number
  /** The method of the Go package: one POST for each event and peer, one after another. */
  control: number
  ratio: number
}

/** Floods three Pods for about `seconds`; verifies that each client got everything exactly once, in order. */
async function throughput(seconds = 5): Promise<Throughput> {
  const control = (await inPods('go-way', 500, 1_000)).perSecond
  const warm = (await inPods('sser', 40_000, 100_000)).perSecond
  const events = eventsFor(seconds, warm)
  const { perSecond } = await inPods('sser', 100_000, events)
  return { events, perSecond, control, ratio: perSecond / control }
}

export async function figure({ rounds, quick }: BenchOptions): Promise<Table> {
  const runs: Throughput[] = []
  for (let round = 0; round < rounds; round += 1) runs.push(await throughput(quick ? 1 : 5))
  return {
    name: 'throughput',
    title: '`send()` per second, to three Pods',
    columns: ['', 'sends/s', '× control'],
    rows: [
      ['one POST for each event and peer, with `fetch`', median(runs.map(({ control }) => control)), 1],
      [
        '**sser on Node**',
        median(runs.map(({ perSecond }) => perSecond)),
        median(runs.map(({ ratio }) => ratio)),
      ],
    ],
    notes: [
      `Three processes with a client on each; events of ${BYTES} bytes, no receipt awaited, for ${quick ? 1 : 5} s; until the last client had the last event. The median of ${rounds} rounds.`,
    ],
    plots: [],
  }
}

export interface Flood {
  perSecond: number
  /** CPU time of one send, all Pods together, in microseconds. */
  cpuUs: number
}

/** Floods three Pods with this environment for about `seconds`. */
export async function floodPods(seconds: number, env: Readonly<Record<string, string>>): Promise<Flood> {
  const warm = await inPods('sser', 40_000, 100_000, env)
  return inPods('sser', 100_000, eventsFor(seconds, warm.perSecond), env)
}

function eventsFor(seconds: number, perSecond: number): number {
  return Math.round((perSecond * seconds) / 1_000) * 1_000
}

async function inPods(
  kind: 'sser' | 'go-way',
  warmUp: number,
  count: number,
  env?: Readonly<Record<string, string>>,
): Promise<Flood> {
  const pods = await startPods(kind, addresses(3), env)
  const cpu = () => pods.reduce((sum, pod) => sum + pod.cpu(), 0)
  try {
    await flood(pods, warmUp)
    const before = cpu()
    const perSecond = await flood(pods, count)
    return { perSecond, cpuUs: ((cpu() - before) / count) * 1_000 }
  } finally {
    await Promise.all(pods.map((pod) => pod.end()))
  }
}

/** Returns the sends per second, until the last client has the last event. */
async function flood(pods: readonly PodProcess[], count: number): Promise<number> {
  const clients = await Promise.all(pods.map(({ url }) => StreamClient.open(url)))
  const start = performance.now()
  await (pods[0] as PodProcess).do({ do: 'flood', count, bytes: BYTES })
  const last = textOf(count - 1, BYTES)
  const ends = await Promise.all(clients.map((client) => client.sees(last, 10_000)))
  for (const client of clients) client.close()
  for (const client of clients) client.arrivals(count, BYTES)
  return (count / (Math.max(...ends) - start)) * 1_000
}
