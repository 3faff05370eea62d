import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { installLeanWeb } from './lean-web.ts'
import type { FaultProfile } from './plan.ts'
import { play } from './playback.ts'
import { planOf, runSeeds } from './seeds.ts'
import { shrink } from './shrink.ts'

const HELP = `npm run simulate -- [options]

  --seeds N         number of seeds (1)
  --from N          the first seed (1)
  --short           seeds that cost a fraction of a normal one: at most four Pods, fewer events and clients,
                    shorter faults, but every kind of them; other runs than those of the same seeds without it
  --runs            Pods start runs
  --mixed           Pods of several versions
  --loops           about half of the clients are loops over sser.subscribe()
  --profile NAME    the kind of faults: ordinary, crowded, mild, harsh, tiny; each in turn without it
  --jobs N          seeds at the same time (one per core)
  --max-failures N  ends after N seeds with a violation (1)
  --quick           reports a violation without a shorter plan that has it, too
  --trace           prints all that happens
`
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
    profile: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    mixed: { type: 'boolean', default: false },
    runs: { type: 'boolean', default: false },
    loops: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
    'max-failures': { type: 'string', default: '1' },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const from = Number(values.from)
const count = Number(values.seeds)
const profile = values.profile as FaultProfile | undefined
const isMixed = values.mixed
const hasRuns = values.runs
const hasLoops = values.loops
const isShort = values.short
const jobs = Math.min(Number(values.jobs), count)
const started = performance.now()
const totals = { events: 0, exchanges: 0, messages: 0, resumes: 0, gaps: 0, falseGaps: 0, maxIdLength: 0 }
/** Number of occurrences of each situation of runs, and of the seeds that had it. */
const situations = new Map<string, { times: number; seeds: number }>()
let ran = 0
let failed = 0

installLeanWeb()

if (values.trace) for (let seed = from; seed < from + count; seed += 1) await printTrace(seed)

for await (const { seed, violation, counts } of runSeeds({
  from,
  count,
  profile,
  isMixed,
  hasRuns,
  hasLoops,
  isShort,
  jobs,
})) {
  ran += 1
  totals.events += counts.events
  totals.exchanges += counts.exchanges
  totals.messages += counts.messages
  totals.resumes += counts.resumes
  totals.gaps += counts.gaps
  totals.falseGaps += counts.falseGaps
  totals.maxIdLength = Math.max(totals.maxIdLength, counts.maxIdLength)
  for (const [name, times] of Object.entries(counts.runs ?? {})) {
    const before = situations.get(name) ?? { times: 0, seeds: 0 }
    situations.set(name, { times: before.times + times, seeds: before.seeds + (times > 0 ? 1 : 0) })
  }
  if (violation === undefined) continue
  failed += 1
  await report(seed, violation)
  if (failed >= Number(values['max-failures'])) break
}

const seconds = (performance.now() - started) / 1_000
console.log(
  `${ran} seeds from ${from}, ${failed} failed, ${(ran / seconds).toFixed(0)} seeds/s, ${JSON.stringify(totals)}`,
)
for (const [name, { times, seeds }] of situations)
  console.log(`${name.padStart(14)}: ${String(times).padStart(8)} in ${seeds} seeds`)
process.exit(failed === 0 ? 0 : 1)

async function printTrace(seed: number): Promise<void> {
  const { trace } = await play(planOf({ seed, profile, isMixed, hasRuns, hasLoops, isShort }), {
    isTraced: true,
  })
  console.log(trace.join('\n'))
}

async function report(seed: number, violation: string): Promise<void> {
  const plan = planOf({ seed, profile, isMixed, hasRuns, hasLoops, isShort })
  let shown = violation
  if (!values.quick) {
    const { trace, violations } = await shrink(plan, await play(plan, { isTraced: true }))
    console.log(trace.join('\n'))
    shown = violations[0] as string
  }
  console.log(`\nseed ${seed} (${plan.profile}): ${shown}`)
  const flags = [
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...(isMixed ? ['--mixed'] : []),
    ...(hasRuns ? ['--runs'] : []),
    ...(hasLoops ? ['--loops'] : []),
    ...(isShort ? ['--short'] : []),
  ]
  console.log(`replay: npm run simulate -- ${['--from', seed, ...flags].join(' ')}`)
}
