// CPU of deliveries without sockets, in turn, each round in a fresh process.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { SinkWork } from '../growth/sinks.ts'
import type { BenchOptions } from './options.ts'
import { sourceEnv } from './source.ts'

const PROGRAM = fileURLToPath(new URL('../growth/sinks.ts', import.meta.url))
const run = promisify(execFile)

export interface SinkRounds {
  /** The row of the table: this checkout, or that of `--base`. */
  name: string
  work: SinkWork
  /** Microseconds of a delivery. */
  rounds: readonly number[]
}

/** Measures each work for this checkout, and then, with `--base`, each for the other one. */
export async function sinkRounds(
  works: readonly SinkWork[],
  { rounds, base }: BenchOptions,
): Promise<SinkRounds[]> {
  const checkouts = [{ name: '**sser**', env: {} }]
  if (base !== undefined) checkouts.push({ name: '**sser**, `--base`', env: sourceEnv(base) })
  const measured = checkouts.flatMap(({ name, env }) =>
    works.map((work) => ({ name, env, work, rounds: [] as number[] })),
  )
  for (let round = 0; round < rounds; round += 1) {
    for (const { env, work, rounds: results } of measured) {
      const args = [PROGRAM, '--work', JSON.stringify(work)]
      const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...env } })
      results.push(Number(stdout))
    }
  }
  return measured
}
