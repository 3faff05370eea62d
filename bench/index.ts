// npm run bench: real servers in processes of their own on loopback, under a load that verifies every event.
// docs/benchmarks.md says what each figure is and what the options are.
import { writeFileSync } from 'node:fs'
import { figure as bursts } from './figures/bursts.ts'
import { figure as cpu } from './figures/cpu.ts'
import { figure as ids } from './figures/ids.ts'
import { figure as memory } from './figures/memory.ts'
import { figure as stall } from './figures/stall.ts'
import { type BenchOptions, readOptions } from './harness/options.ts'
import { markdown, type Table } from './harness/table.ts'

/** One figure a module; each makes one table. A new one is added here. */
const figures: Record<string, (options: BenchOptions) => Promise<Table>> = {
  cpu,
  bursts,
  memory,
  stall,
  ids,
}

const { bench, outputs } = readOptions(process.argv.slice(2))
const names = outputs.only ?? Object.keys(figures)
const tables: Table[] = []
for (const name of names) {
  const figure = figures[name]
  if (figure === undefined)
    throw new Error(`--only: there are ${Object.keys(figures).join(', ')}, not ${name}`)
  const start = performance.now()
  try {
    const table = await figure(bench)
    tables.push(table)
    console.log(markdown(table))
  } catch (error) {
    // A run that is wrong has no figure.
    console.error(`${name}: ${(error as Error).message}`)
    process.exit(1)
  }
  console.error(`${name}: ${Math.round((performance.now() - start) / 1_000)} s`)
}
if (outputs.json !== undefined) writeFileSync(outputs.json, `${JSON.stringify({ tables }, null, 2)}\n`)
