import type { Plan } from './plan.ts'
import { type Result, run } from './run.ts'

/** Maximum number of runs, because the trace only has to be short, not minimal. */
const MAX_RUNS = 300

/** Removes as many actions as possible while the same kind of violation remains. */
export async function shrink(plan: Plan, result: Result): Promise<Result> {
  const kind = kindOf(result)
  let best = { plan, result }
  let runs = 0
  for (
    let size = Math.ceil(plan.actions.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let start = 0; start < best.plan.actions.length && runs < MAX_RUNS; ) {
      const actions = best.plan.actions.toSpliced(start, size)
      const candidate = { ...best.plan, actions }
      runs += 1
      const outcome = await run(candidate)
      if (outcome.violations.length > 0 && kindOf(outcome) === kind)
        best = { plan: candidate, result: outcome }
      else start += size
    }
  }
  return best.result
}

/** The text of a violation without names and numbers. */
function kindOf({ violations }: Result): string {
  return (violations[0] as string).replaceAll(/\w*\d\w*/g, '#')
}
