import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants/mutants.ts'
import { FROM, RUNS_FROM, simulate } from './simulate.ts'

/** A sample: `simulation.long.test.ts` runs 2,000 seeds and every mutant. */
const SEEDS = 40
const MIXED_SEEDS = 10
const ORDINARY_SEEDS = 15
const RUN_SEEDS = 10
const MUTANT_SEEDS = 10
/** Other test files run at the same time. */
const ONE_JOB = ['--jobs', '1']

describe('the simulated fleet', () => {
  it(`keeps every invariant in ${SEEDS} seeds from ${FROM}`, async () => {
    console.log(`simulation: ${SEEDS} seeds from ${FROM}`)
    const { code, output } = await simulate([...ONE_JOB, '--seeds', String(SEEDS), '--from', String(FROM)])
    expect(code, output).toBe(0)
  })

  it(`keeps every invariant while its Pods are updated from the recorded release and back, in ${MIXED_SEEDS} seeds`, {}, async () => {
    const seeds = [...ONE_JOB, '--seeds', String(MIXED_SEEDS), '--from', String(FROM)]
    const { code, output } = await simulate([...seeds, '--mixed'])
    expect(code, output).toBe(0)
  })

  it(`keeps every invariant of runs in ${RUN_SEEDS} seeds`, async () => {
    const seeds = [...ONE_JOB, '--seeds', String(RUN_SEEDS), '--from', String(RUNS_FROM)]
    const { code, output } = await simulate([...seeds, '--runs', '--loops'])
    expect(code, output).toBe(0)
  })

  it('sends no gap without faults and long absences of clients', async () => {
    const seeds = [...ONE_JOB, '--seeds', String(ORDINARY_SEEDS), '--from', String(FROM)]
    const { code, output } = await simulate([...seeds, '--profile', 'ordinary'])
    expect(code, output).toBe(0)
    expect(output).toContain('"gaps":0')
  })
})

describe('a mutant', () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))('changes one place: %s', (_, mutant) => {
    const source = readFileSync(new URL(`../../${mutant.file}`, import.meta.url), 'utf8')
    expect(source.split(mutant.find)).toHaveLength(2)
  })
})

describe('the simulation soon reports a violation when a rule is turned off', () => {
  for (const { name, profile, hasRuns, from = 1 } of MUTANTS.filter(({ isQuick }) => isQuick)) {
    it(name, async () => {
      const seeds = [...ONE_JOB, '--quick', '--seeds', String(MUTANT_SEEDS), '--from', String(from)]
      const { code, output } = await simulate(
        [...seeds, ...(hasRuns ? ['--runs'] : []), '--profile', profile],
        name,
      )
      expect(output).toMatch(/^seed \d+ /m)
      expect(code).toBe(1)
    })
  }
})
