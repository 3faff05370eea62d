// npm run simulate -- --seeds 2000 --from 1 [--profile harsh] [--trace]
import { parseArgs } from 'node:util'
import { type FaultProfile, makePlan } from './plan.ts'
import { run } from './run.ts'
import { shrink } from './shrink.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
    profile: { type: 'string' },
    trace: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    'max-failures': { type: 'string', default: '1' },
  },
})
const from = Number(values.from)
const count = Number(values.seeds)
const profile = values.profile as FaultProfile | undefined
const started = performance.now()
const totals = { events: 0, resumes: 0, gaps: 0, falseGaps: 0, maxIdLength: 0 }
let ran = 0
let failed = 0

for (let seed = from; seed < from + count && failed < Number(values['max-failures']); seed += 1) {
  const plan = makePlan(seed, profile)
  const result = await run(plan)
  ran += 1
  if (values.trace) console.log(result.trace.join('\n'))
  totals.events += result.events
  totals.resumes += result.resumes
  totals.gaps += result.gaps
  totals.falseGaps += result.falseGaps
  totals.maxIdLength = Math.max(totals.maxIdLength, result.maxIdLength)
  if (result.violations.length === 0) continue
  failed += 1
  const shrunk = values.quick ? result : await shrink(plan, result)
  if (!values.quick) console.log(shrunk.trace.join('\n'))
  console.log(`\nseed ${seed} (${plan.profile}): ${shrunk.violations[0]}`)
  console.log(
    `replay: npm run simulate -- --from ${seed}${profile === undefined ? '' : ` --profile ${profile}`}`,
  )
}

const seconds = (performance.now() - started) / 1_000
console.log(
  `${ran} seeds from ${from}, ${failed} failed, ${(ran / seconds).toFixed(0)} seeds/s, ${JSON.stringify(totals)}`,
)
process.exitCode = failed === 0 ? 0 : 1
