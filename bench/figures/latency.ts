// node bench/figures/latency.ts: from send to a client of another Pod, against a bare POST between two processes.
import { addresses, type PodProcess, quantile, startPods } from '../pods.ts'

const BYTES = 100
const RATE = 100

interface Quantiles {
  p50: number
  p99: number
}

export interface Latency {
  events: number
  sser: Quantiles
  /** One `fetch` POST, from request to answer, between the same two processes, half a period after each send. */
  control: Quantiles
  ratio: Quantiles
}

/** Milliseconds; one process sends and holds the client of the other Pod, so one clock tells both times. */
export async function latency(seconds = 10): Promise<Latency> {
  const pods = await startPods('sser', addresses(2))
  try {
    const [sender, other] = pods as [PodProcess, PodProcess]
    const { url, bareUrl } = other
    const pace = (count: number) => sender.do({ do: 'pace', count, bytes: BYTES, rate: RATE, url, bareUrl })
    await pace(2 * RATE)
    const events = seconds * RATE
    const { latencies = [], bare = [] } = await pace(events)
    const sser = quantiles(latencies)
    const control = quantiles(bare)
    const ratio = { p50: sser.p50 / control.p50, p99: sser.p99 / control.p99 }
    return { events, sser, control, ratio }
  } finally {
    await Promise.all(pods.map((pod) => pod.end()))
  }
}

export function printLatency({ events, sser, control, ratio }: Latency): string {
  const ms = ({ p50, p99 }: Quantiles) => `p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms`
  return [
    `send() to a client of another Pod, ${RATE} events/s, ${events} events, all of it verified`,
    `  control: a bare fetch POST   ${ms(control)}`,
    `  sser                         ${ms(sser)}   ${ratio.p50.toFixed(2)} × and ${ratio.p99.toFixed(2)} × the control`,
  ].join('\n')
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

if (import.meta.main) console.log(printLatency(await latency()))
