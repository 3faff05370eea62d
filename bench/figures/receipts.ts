// `send()` with its receipt awaited, against `PUBLISH` with its reply awaited.
import type { BenchOptions } from '../harness/options.ts'
import { programPath } from '../harness/program-path.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'
import { withFleets } from '../pods/fleets.ts'
import { warmUp, warmUpCount } from '../pods/warm-up.ts'
import { type PodProcess, quantile } from '../pods.ts'

const BYTES = 100

export async function figure(options: BenchOptions): Promise<Table> {
  const { rounds, quick } = options
  const table: Table = {
    name: 'receipts',
    title: 'An awaited receipt against an awaited `PUBLISH`',
    columns: ['', 'p50, ms', 'p99, ms', 'p50 × Redis'],
    rows: [],
    notes: [],
    plots: [],
  }
  if (programPath('redis-server') === undefined)
    return { ...table, notes: ['Left out here, for want of redis-server.'] }
  const count = quick ? 500 : 2_000
  const warmUps = warmUpCount(quick)
  const measured = await withFleets(options, async (fleets) => {
    const results = fleets.map(({ name, pods }) => ({ name, pods, p50: [] as number[], p99: [] as number[] }))
    for (const fleet of fleets) await warmUp(fleet, warmUps, BYTES)
    for (let round = 0; round < rounds; round += 1) {
      for (const { pods, p50, p99 } of results) {
        const { latencies = [] } = await (pods[0] as PodProcess).do({ do: 'await', count, bytes: BYTES })
        const sorted = latencies.toSorted((a, b) => a - b)
        p50.push(quantile(sorted, 0.5))
        p99.push(quantile(sorted, 0.99))
      }
    }
    return results
  })
  const ratio = (i: number) => medianRatio(measured[i]?.p50, measured[0]?.p50)
  return {
    ...table,
    rows: measured.map(({ name, p50, p99 }, i) => [name, median(p50), median(p99), ratio(i)]),
    notes: [
      `${count.toLocaleString('en-US')} events of ${BYTES} bytes from one of three Pods, one after another. A receipt says that both peers have the event, the reply to \`PUBLISH\` that Redis has it. After ${warmUps.toLocaleString('en-US')} events to warm up, the median of ${rounds} rounds.`,
    ],
    targets: [
      {
        figure: '`send()` with its receipt awaited, p50, to `PUBLISH` awaited',
        most: 1.5,
        measured: ratio(1),
        base: ratio(3),
      },
    ],
  }
}
