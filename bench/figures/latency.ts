// Figure 8: latency from send to a client of another Pod, against a bare POST between two processes.
import type { BenchOptions } from '../harness/options.ts'
import { median, type Table } from '../harness/table.ts'
import { addresses, type PodProcess, quantile, startPods } from '../pods.ts'

const BYTES = 100
const RATE = 100

interface Quantiles {
  p50: number
  p99: number
}

interface Latency {
  events: number
  sser: Quantiles
  /**
   * Latency of one `fetch` POST, from request to response, between the same two processes, half a period after each
   * send.
   */
  control: Quantiles
  ratio: Quantiles
}

/**
 * Latencies in milliseconds. One process sends and has the client of the other Pod, so that one clock measures both
 * times.
 */
async function latency(seconds = 10): Promise<Latency> {
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

export async function figure({ rounds, quick }: BenchOptions): Promise<Table> {
  const runs: Latency[] = []
  for (let round = 0; round < rounds; round += 1) runs.push(await latency(quick ? 3 : 10))
  const row = (name: string, of: (run: Latency) => Quantiles, ratio: (run: Latency) => Quantiles) => [
    name,
    median(runs.map((run) => of(run).p50)),
    median(runs.map((run) => of(run).p99)),
    median(runs.map((run) => ratio(run).p50)),
    median(runs.map((run) => ratio(run).p99)),
  ]
  return {
    name: 'latency',
    title: 'From `send()` to a client of another Pod',
    columns: ['', 'p50, ms', 'p99, ms', 'p50 × control', 'p99 × control'],
    rows: [
      row(
        'a bare `fetch` POST, from request to answer',
        (run) => run.control,
        () => ({ p50: 1, p99: 1 }),
      ),
      row(
        '**sser on Node**',
        (run) => run.sser,
        (run) => run.ratio,
      ),
    ],
    notes: [
      `${RATE} events/s of ${BYTES} bytes, between the same two processes; the median of ${rounds} rounds.`,
    ],
    plots: [],
  }
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}
