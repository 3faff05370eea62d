// npm run bench: real servers in separate processes on loopback, under a load that verifies every event.
// docs/benchmarks.md describes each figure and the options.
import { writeFileSync } from 'node:fs'
import { figure as bursts } from './figures/bursts.ts'
import { figure as cpu } from './figures/cpu.ts'
import * as growth from './figures/growth.ts'
import { figure as ids } from './figures/ids.ts'
import { figure as latency } from './figures/latency.ts'
import { figure as memory } from './figures/memory.ts'
import { figure as overhead } from './figures/overhead.ts'
import { figure as peers } from './figures/peers.ts'
import { figure as receipts } from './figures/receipts.ts'
import { redisAt } from './figures/redis.ts'
import { manyPods, figure as runCosts } from './figures/run-costs.ts'
import { figure as runs } from './figures/runs.ts'
import { figure as shared } from './figures/shared.ts'
import { figure as stall } from './figures/stall.ts'
import { figure as storm } from './figures/storm.ts'
import * as streams from './figures/streams.ts'
import { figure as throughput } from './figures/throughput.ts'
import { machine } from './harness/machine.ts'
import { type BenchOptions, readOptions } from './harness/options.ts'
import { writePage, writePlots } from './harness/page.ts'
import { markdown, type Table } from './harness/table.ts'
import { targetTable } from './harness/target.ts'

/** Figures that can be run; each produces one table. */
const figures: Record<string, (options: BenchOptions) => Promise<Table>> = {
  cpu,
  bursts,
  streams: streams.figure,
  'streams-many': streams.many,
  shared,
  memory,
  stall,
  storm,
  throughput,
  latency,
  'redis-100': redisAt(100, { p50: 1, p99: 1, cpu: 1 }),
  'redis-1000': redisAt(1_000, { p50: 0.8, p99: 1, cpu: 0.9 }),
  'redis-10000': redisAt(10_000, { p50: 1, p99: 1, cpu: 1 }),
  receipts,
  runs,
  'runs-costs': runCosts,
  'runs-pods': manyPods,
  peers,
  overhead,
  ids,
  'growth-connections': growth.connections,
  'growth-size': growth.size,
  'growth-streams': growth.streams,
  'growth-pods': growth.pods,
}

/** Figures with this prefix; without one, all except the growth curves, which take long. */
function chosen(only: readonly string[] | undefined): string[] {
  const names = Object.keys(figures)
  if (only === undefined) return names.filter((name) => !name.startsWith('growth'))
  for (const word of only) {
    if (names.some((name) => name.startsWith(word))) continue
    throw new Error(`--only: there are ${names.join(', ')}, and no ${word}`)
  }
  return names.filter((name) => only.some((word) => name.startsWith(word)))
}

const { bench, outputs } = readOptions(process.argv.slice(2))
const tables: Table[] = []
for (const name of chosen(outputs.only)) {
  const start = performance.now()
  try {
    const table = await (figures[name] as (typeof figures)[string])(bench)
    tables.push(table)
    console.log(markdown(table))
    // Written after each figure, so that a later failure loses none.
    keep(table)
  } catch (error) {
    // A run with a lost or wrong event has no figure.
    console.error(`${name}: ${(error as Error).message}`)
    process.exit(1)
  }
  console.error(`${name}: ${Math.round((performance.now() - start) / 1_000)} s`)
}

const targets = targetTable(tables)
if (targets.rows.length > 0) console.log(markdown(targets))

function keep(table: Table): void {
  if (outputs.json !== undefined) {
    writeFileSync(
      outputs.json,
      `${JSON.stringify({ machine: machine(), options: bench, tables }, null, 2)}\n`,
    )
  }
  if (outputs.plots) writePlots([table])
  if (!outputs.write) return
  const reached = targetTable([table])
  writePage(reached.rows.length === 0 ? [table] : [table, reached])
}
