// Sends per second, three Pods as three processes, a client on each.

import type { BenchOptions } from '../harness/options.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'
import { StreamClient } from '../pods/client.ts'
import { textOf } from '../pods/event.ts'
import { sserFleets } from '../pods/fleets.ts'
import { addresses, type PodProcess, startPods } from '../pods.ts'

const BYTES = 100

export async function figure(options: BenchOptions): Promise<Table> {
  const { rounds, quick } = options
  const seconds = quick ? 1 : 5
  const fleets = sserFleets(options)
  const control: number[] = []
  const floods = fleets.map(() => [] as Flood[])
  for (let round = 0; round < rounds; round += 1) {
    control.push((await inPods('go-way', 500, 1_000)).perSecond)
    for (const [i, { env }] of fleets.entries()) floods[i]?.push(await floodPods(seconds, env))
  }
  const perSecond = floods.map((each) => each.map((flood) => flood.perSecond))
  return {
    name: 'throughput',
    title: '`send()` per second, to three Pods',
    columns: ['', 'sends/s', 'CPU of a send, µs', '× control'],
    rows: [
      ['one POST for each event and peer, with `fetch`', median(control), '', 1],
      ...fleets.map(({ name }, i) => [
        name,
        median(perSecond[i] as number[]),
        median(floods[i]?.map(({ cpuUs }) => cpuUs) ?? []),
        medianRatio(perSecond[i], control),
      ]),
    ],
    notes: [
      `Three processes with a client on each; events of ${BYTES} bytes, no receipt awaited, for ${seconds} s; until the last client had the last event. CPU of all three. The median of ${rounds} rounds.`,
    ],
    plots: [],
    targets: [
      {
        figure: 'Sends per second, three Pods, to `--base`',
        least: 1,
        measured: medianRatio(perSecond[0], perSecond[2]),
        base: perSecond[2] && 1,
      },
      {
        figure: 'Sends per second with `peerSecret`, to without',
        least: 0.9,
        measured: medianRatio(perSecond[1], perSecond[0]),
        base: medianRatio(perSecond[3], perSecond[2]),
      },
    ],
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
