import type { Plan } from './plan.ts'
import { type Result, run } from './run.ts'

/** Tries at most; a story need not be the shortest, only short. */
const MAX_RUNS = 300

/** Leaves out actions, as many as can be, while the same kind of violation remains. */
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

/** A violation without its names and numbers. */
function kindOf({ violations }: Result): string {
  return (violations[0] as string).replaceAll(/\w*\d\w*/g, '#')
}
