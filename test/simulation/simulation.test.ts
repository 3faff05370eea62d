import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants/mutants.ts'

const SEEDS = 2_000
// Each run uses other seeds, and prints the first one, so that a failure can be reproduced.
const FROM = Number(process.env.SSER_SIMULATION_FROM ?? Math.floor(Date.now() / 1_000))

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const mutate = new URL('./mutants/mutate.ts', import.meta.url).href

/** Runs the simulation as a process; resolves with its exit code and output. */
function simulate(
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

describe('the simulated fleet', () => {
  it(`keeps every invariant in ${SEEDS} seeds from ${FROM}`, { timeout: 240_000 }, async () => {
    console.log(`simulation: ${SEEDS} seeds from ${FROM}`)
    const half = SEEDS / 2
    const runs = await Promise.all(
      [FROM, FROM + half].map((from) => simulate(['--seeds', String(half), '--from', String(from)])),
    )
    for (const { code, output } of runs) expect(code, output).toBe(0)
  })

  it('sends no gap without faults and long absences of clients', { timeout: 120_000 }, async () => {
    const { code, output } = await simulate([
      '--seeds',
      '200',
      '--from',
      String(FROM),
      '--profile',
      'ordinary',
    ])
    expect(code, output).toBe(0)
    expect(output).toContain('"gaps":0')
  })
})

describe.concurrent('the simulation reports a violation when a rule is turned off', () => {
  for (const { name, profile, seeds } of MUTANTS) {
    it(`${name} (within ${seeds} seeds)`, { timeout: 240_000 }, async () => {
      const { code, output } = await simulate(
        ['--quick', '--seeds', String(seeds), '--profile', profile],
        name,
      )
      expect(output).toMatch(/^seed \d+ /m)
      expect(code).toBe(1)
    })
  }
})
