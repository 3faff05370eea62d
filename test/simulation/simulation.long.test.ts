import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants/mutants.ts'
import { FROM, RUNS_FROM, simulate } from './simulate.ts'

const SEEDS = 2_000
const MIXED_SEEDS = 1_000
const RUN_SEEDS = 200
const MIXED_RUN_SEEDS = 100
const LOOP_SEEDS = 150
const ORDINARY_SEEDS = 200
/** `.ci/run` leaves these tests only the time of the processor that other steps do not use. */
const HANG_MS = 1_800_000

describe('the simulated fleet', () => {
  it(`keeps every invariant in ${SEEDS} seeds from ${FROM}`, { timeout: HANG_MS }, async () => {
    console.log(`simulation: ${SEEDS} seeds from ${FROM}`)
    const { code, output } = await simulate(['--seeds', String(SEEDS), '--from', String(FROM)])
    expect(code, output).toBe(0)
  })

  it(`keeps every invariant while its Pods are updated from the recorded release and back, in ${MIXED_SEEDS} seeds`, {
    timeout: HANG_MS,
  }, async () => {
    const { code, output } = await simulate([
      '--mixed',
      '--seeds',
      String(MIXED_SEEDS),
      '--from',
      String(FROM),
    ])
    expect(code, output).toBe(0)
  })
})

describe('the simulated fleet with more than streams', () => {
  const cases: [string, number, readonly string[]][] = [
    ['runs', RUN_SEEDS, ['--runs']],
    ['runs on Pods of several versions', MIXED_RUN_SEEDS, ['--runs', '--mixed']],
    ['loops over subscriptions', LOOP_SEEDS, ['--loops']],
  ]
  it.each(cases)(
    'keeps every invariant with %s, in %i seeds',
    { timeout: HANG_MS },
    async (_, seeds, flags) => {
      const { code, output } = await simulate([
        ...flags,
        '--seeds',
        String(seeds),
        '--from',
        String(RUNS_FROM),
      ])
      expect(code, output).toBe(0)
    },
  )
})

describe.concurrent('the simulation', () => {
  it('sends no gap without faults and long absences of clients', { timeout: HANG_MS }, async () => {
    const seeds = ['--seeds', String(ORDINARY_SEEDS), '--from', String(FROM)]
    const { code, output } = await simulate([...seeds, '--profile', 'ordinary', '--jobs', '1'])
    expect(code, output).toBe(0)
    expect(output).toContain('"gaps":0')
  })

  for (const { name, profile, seeds, isMixed, hasRuns, isShort, from = 1 } of MUTANTS) {
    it(`reports a violation within ${seeds} seeds if not: ${name}`, { timeout: HANG_MS }, async () => {
      const flags = [
        ...(isMixed ? ['--mixed'] : []),
        ...(hasRuns ? ['--runs'] : []),
        ...(isShort ? ['--short'] : []),
      ]
      const range = ['--seeds', String(seeds), '--from', String(from)]
      const args = [...flags, '--quick', ...range, '--profile', profile, '--jobs', '1']
      const { code, output } = await simulate(args, name)
      expect(output).toMatch(/^seed \d+ /m)
      expect(code).toBe(1)
    })
  }
})
