import type { ProducedRun, Reading, RunEnd } from './run-facts.ts'

/**
 * The reason for which `end` cannot be the end of the run for this reader; undefined: it can be. `lossFault`: the same for the end
 * `lost`.
 */
export function endFault(
  { run: current, next, gapAt }: Reading,
  run: ProducedRun,
  end: RunEnd,
  lossFault: string | undefined,
): string | undefined {
  const { call, abort, told, texts } = run
  if (end.state === 'lost') return lossFault
  if (told !== undefined && (told.state !== end.state || told.reason !== end.reason))
    return `another reader of ${run.id} got ${told.state} ${told.reason ?? ''}`
  const has = current === run ? next : 0
  if (has < texts.length && gapAt === undefined)
    return `the chunks of ${run.id} from ${has} to ${texts.length - 1} did not come`
  if (end.state === 'ended') {
    if (call?.kind !== 'end' || abort?.isBeforeCall === true)
      return `${run.id} was not ended by its application`
  } else if (end.state === 'cancelled') {
    if (abort?.reason !== 'cancelled' || !abort.isBeforeCall)
      return `${run.id} was not cancelled before its end`
  } else if (end.state === 'failed') {
    const isOwn = call?.kind === 'fail' && abort?.isBeforeCall !== true
    const isForced = abort?.isBeforeCall === true && abort.reason !== 'cancelled'
    if (!isOwn && !isForced) return `${run.id} did not fail`
  } else return `no run ends as ${end.state}`
  return undefined
}
