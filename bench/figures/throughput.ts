// Sends per second, three Pods as three processes, a client on each.

import type { BenchOptions } from '../harness/options.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'
import { StreamClient } from '../pods/client.ts'
import { textOf } from '../pods/event.ts'
import { sserFleets } from '../pods/fleets.ts'
import { addresses, type PodProcess, startPods } from '../pods.ts'

const BYTES = 100
const WARM_UP_SECONDS = 1
/** Limit of the time in which the last event must reach each client after a flood, in milliseconds. */
const LAST_MS = 60_000

export async function figure(options: BenchOptions): Promise<Table> {
  const { rounds, quick } = options
  const seconds = quick ? 1 : 5
  const fleets = sserFleets(options)
  const control: number[] = []
  const floods = fleets.map(() => [] as Flood[])
  for (let round = 0; round < rounds; round += 1) {
    control.push((await floodPods('go-way', 1)).perSecond)
    for (const [i, { env }] of fleets.entries()) floods[i]?.push(await floodPods('sser', seconds, env))
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

/** Floods three Pods with this environment for `seconds`, after a shorter flood for the compilers. */
export async function floodPods(
  kind: 'sser' | 'go-way',
  seconds: number,
  env?: Readonly<Record<string, string>>,
): Promise<Flood> {
  const pods = await startPods(kind, addresses(3), env)
  try {
    await flood(pods, WARM_UP_SECONDS)
    return await flood(pods, seconds)
  } finally {
    await Promise.all(pods.map((pod) => pod.end()))
  }
}

/** Floods for a time, and not with a number of events, because another build may be much slower; until the last client has the last event. */
async function flood(pods: readonly PodProcess[], seconds: number): Promise<Flood> {
  const clients = await Promise.all(pods.map(({ url }) => StreamClient.open(url)))
  const cpu = () => pods.reduce((sum, pod) => sum + pod.cpu(), 0)
  const before = cpu()
  const start = performance.now()
  const { count = 0 } = await (pods[0] as PodProcess).do({ do: 'flood', ms: seconds * 1_000, bytes: BYTES })
  const last = textOf(count - 1, BYTES)
  const ends = await Promise.all(clients.map((client) => client.sees(last, LAST_MS)))
  const cpuUs = ((cpu() - before) / count) * 1_000
  for (const client of clients) client.close()
  for (const client of clients) client.arrivals(count, BYTES)
  return { perSecond: (count / (Math.max(...ends) - start)) * 1_000, cpuUs }
}
