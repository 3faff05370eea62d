import type { Plan } from './plan.ts'
import { play, type Result } from './playback.ts'

/** Maximum number of plays, because the trace only has to be short, not minimal. */
const MAX_PLAYS = 300

/** Removes as many actions as possible while the same kind of violation remains. */
export async function shrink(plan: Plan, result: Result): Promise<Result> {
  const kind = kindOf(result)
  let best = { plan, result }
  let plays = 0
  for (
    let size = Math.ceil(plan.actions.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let start = 0; start < best.plan.actions.length && plays < MAX_PLAYS; ) {
      const actions = best.plan.actions.toSpliced(start, size)
      const candidate = { ...best.plan, actions }
      plays += 1
      const outcome = await play(candidate, { isTraced: true })
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
