// node bench/figures/throughput.ts: sends per second, three Pods as three processes, a client on each.

import { StreamClient } from '../pods/client.ts'
import { textOf } from '../pods/event.ts'
import { addresses, type PodProcess, startPods } from '../pods.ts'

const BYTES = 100

export interface Throughput {
  /** Events that were sent from one Pod and came to all three clients, once, in order. */
  events: number
  perSecond: number
  /** The Go package's way: one POST for each event and peer, one after another. */
  control: number
  ratio: number
}

/** Floods three Pods for about `seconds`; verifies that each client got everything exactly once, in order. */
export async function throughput(seconds = 5): Promise<Throughput> {
  const control = await inPods('go-way', 500, 1_000)
  const warm = await inPods('sser', 40_000, 100_000)
  const events = Math.round((warm * seconds) / 1_000) * 1_000
  const perSecond = await inPods('sser', 100_000, events)
  return { events, perSecond, control, ratio: perSecond / control }
}

export function printThroughput({ events, perSecond, control, ratio }: Throughput): string {
  return [
    'send() per second, three Pods as processes, one client on each, all of it verified',
    `  control: one POST per event and peer   ${control.toFixed(0).padStart(8)}`,
    `  sser, ${String(events).padStart(7)} events                  ${perSecond.toFixed(0).padStart(8)}   ${ratio.toFixed(1)} × the control`,
  ].join('\n')
}

async function inPods(kind: 'sser' | 'go-way', warmUp: number, count: number): Promise<number> {
  const pods = await startPods(kind, addresses(3))
  try {
    await flood(pods, warmUp)
    return await flood(pods, count)
  } finally {
    await Promise.all(pods.map((pod) => pod.end()))
  }
}

/** Sends per second, until the last client has the last one. */
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

if (import.meta.main) console.log(printThroughput(await throughput()))
