import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Each run of the tests uses other seeds, and prints the first one, so that a failure can be reproduced. */
export const FROM = Number(process.env.SSER_SIMULATION_FROM ?? Math.floor(Date.now() / 1_000))

/**
 * First seed with runs. The tests run the same ones each time: the rare schedules of runs are searched by
 * `npm run simulate -- --runs`.
 */
export const RUNS_FROM = 20_001

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const mutate = new URL('./mutants/mutate.ts', import.meta.url).href

/** Runs the simulation as a process; resolves with its exit code and output. */
export function simulate(
  args: readonly string[],
  mutant?: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const imports = mutant === undefined ? [] : ['--import', mutate]
    const child = spawn(process.execPath, [...imports, main, ...args], {
      env: { ...process.env, MUTANT: mutant },
    })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}
