// Cost of the secret and of the metrics: figures 1 and 7 with and without them.
import { cpuRounds, ratio, typical } from '../harness/cpu-rounds.ts'
import type { BenchOptions } from '../harness/options.ts'
import { rowsOf } from '../harness/servers.ts'
import { median, type Table } from '../harness/table.ts'
import { SECRET } from '../pods/fleets.ts'
import { type Flood, floodPods } from './throughput.ts'

/** Measures the rows of each kind; the first row of a kind is its control. */
export async function figure(options: BenchOptions): Promise<Table> {
  const { connections, events, rounds, quick } = options
  const { servers } = await rowsOf(['sser-node', 'sser-node-watched'])
  const measured = await cpuRounds(servers, { connections, events }, options)
  const cpu = measured.map((each) => [
    each.described.server.name,
    typical(each).total,
    ratio(each, measured[0]),
    '',
  ])
  const kinds: [name: string, env: Record<string, string>][] = [
    ['three Pods of sser on Node', {}],
    ['three Pods with a `peerSecret`', { OPTIONS: SECRET }],
    ['three Pods, each scraped once a second', { SCRAPE: '1' }],
    ['three Pods with both', { OPTIONS: SECRET, SCRAPE: '1' }],
  ]
  const runs = kinds.map(() => [] as Flood[])
  for (let round = 0; round < rounds; round += 1)
    for (const [i, [, env]] of kinds.entries()) runs[i]?.push(await floodPods('sser', quick ? 1 : 5, env))
  const without = runs[0] as Flood[]
  const sends = kinds.map(([name], i) => {
    const mine = runs[i] as Flood[]
    const slower = mine.map(({ perSecond }, round) => (without[round] as Flood).perSecond / perSecond)
    const dearer = mine.map(({ cpuUs }, round) => cpuUs / (without[round] as Flood).cpuUs)
    return [name, median(mine.map(({ cpuUs }) => cpuUs)), median(dearer), median(slower)]
  })
  return {
    name: 'overhead',
    title: 'Cost of the secret and of the metrics',
    columns: ['', 'CPU, µs', 'CPU × without', 'time × without'],
    rows: [...cpu, ...sends] as Table['rows'],
    notes: [
      `First the CPU of one delivery, ${connections.toLocaleString('en-US')} connections × ${events} events of 100 bytes, one at a time; then that of one \`send()\`, for three Pods together, as many at once as there is room for, and how much longer it took. The median of ${rounds} rounds, each of all rows in turn.`,
    ],
    plots: [],
  }
}
