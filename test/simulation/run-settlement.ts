import { hasEnded, isGone, type ProducedRun, type Reading } from './run-facts.ts'
import type { RunOracle } from './run-oracle.ts'

/** Facts about the fleet that the checks need. */
export interface SettlementOptions {
  oracle: RunOracle
  violate(message: string): void
  /** Times at which a Pod lost its memory: it crashed, stopped, or stood still for too long. */
  losses: readonly { address: string; at: number }[]
}

/** Checks a reader that has stayed on a Pod since all faults ended, and whose Pod is connected with all others. */
export function checkOpenReading(reading: Reading, { oracle, violate }: SettlementOptions): void {
  if (reading.end !== undefined || reading.isNotFound) return
  const { reader, name, next } = reading
  const runs = oracle.runs.filter((run) => run.name === name)
  // After a gap it may read another run.
  const known = reading.isAfterGap ? undefined : reading.run
  const run = known ?? (runs.length === 1 ? runs[0] : undefined)
  if (run === undefined) return
  if (hasEnded(run)) violate(`${reader} was not told the end of ${run.id}`)
  else if (next < run.texts.length)
    violate(`${reader} has chunks up to ${next} of ${run.id}, not all ${run.texts.length}`)
}

/** Checks readers that have begun after all faults, one on each Pod: they read the same, and all that must be left. */
export function checkFreshReadings(readings: readonly Reading[], options: SettlementOptions): void {
  const { oracle, violate } = options
  for (const name of new Set(readings.map((reading) => reading.name))) {
    const group = readings.filter((reading) => reading.name === name)
    const seen = group.map(summary)
    if (new Set(seen).size > 1) violate(`readers of ${name} on different Pods read ${seen.join('; ')}`)
    const [first] = group as [Reading]
    const running = oracle.runs.filter((run) => run.name === name && !hasEnded(run))
    if (running.length > 1) violate(`${running.map(({ id }) => id).join(' and ')} run as ${name}`)
    const [run = first.run] = running
    if (run === undefined) continue
    if (running.length > 0 && first.run !== run && run.texts.length > 0)
      violate(`readers of ${name} read ${first.run?.id}, not ${run.id}, which runs`)
    checkHeld(first, run, options)
  }
}

/** Invariant: a chunk that another Pod held survives the producer. */
function checkHeld(
  { run: read, next }: Reading,
  run: ProducedRun,
  { losses, violate }: SettlementOptions,
): void {
  const { held } = run
  if (held === undefined || read !== run) return
  const lost = new Set(
    losses.filter(({ at, address }) => at >= held.at && address !== run.address).map((loss) => loss.address),
  )
  if (lost.size < held.pods && next < held.next)
    violate(`${run.id} has chunks up to ${next} left, although ${held.pods} Pods held it up to ${held.next}`)
}

/** The part that readers on all Pods must have in common. */
function summary({ run, next, end, isNotFound, isInterrupted }: Reading): string {
  // A Pod that learned of a dead producer late judges it late.
  const state = end?.state ?? (isInterrupted || (run !== undefined && isGone(run)) ? 'lost' : 'no end')
  return `${isNotFound ? 'no run' : run?.id} to ${next}, ${state}`
}
