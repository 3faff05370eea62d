import { hasEnded, isGone, type MemoryLoss, type ProducedRun, type Reading } from './run-facts.ts'
import type { RunOracle } from './run-oracle.ts'

/** Time in which a header reaches each Pod also where a link waits after failures. */
const HEADER_MS = 5_000

/** Facts about the fleet that the checks need. */
export interface SettlementOptions {
  oracle: RunOracle
  violate(message: string): void
  losses: readonly MemoryLoss[]
}

/** Checks a reader that has stayed on a Pod since all faults ended, and whose Pod is connected with all others. */
export function checkOpenReading(reading: Reading, { oracle, violate }: SettlementOptions): void {
  if (reading.end !== undefined || reading.isNotFound) return
  const { reader, name, next } = reading
  const runs = oracle.runs.filter((run) => run.name === name)
  // After a gap it may read another run.
  const known = reading.gapAt === undefined ? reading.run : undefined
  const run = known ?? (runs.length === 1 ? runs[0] : undefined)
  if (run === undefined) return
  if (hasEnded(run)) violate(`${reader} was not told the end of ${run.id}`)
  else if (next < run.texts.length)
    violate(`${reader} has chunks up to ${next} of ${run.id}, not all ${run.texts.length}`)
}

/** Checks readers that have begun after all faults, one on each Pod: they read the same, and all that must be left. */
export function checkFreshReadings(readings: readonly Reading[], options: SettlementOptions): void {
  const { oracle, losses, violate } = options
  for (const name of new Set(readings.map((reading) => reading.name))) {
    const group = readings.filter((reading) => reading.name === name)
    const [first] = group as [Reading]
    const runs = oracle.runs.filter((run) => run.name === name)
    const seen = group.map((reading) => summary(reading, runs))
    // A Pod may lack a header that only Pods had which crashed.
    if (new Set(seen).size > 1 && !runs.some(hasDiedEarly))
      violate(`readers of ${name} on different Pods read ${seen.join('; ')}`)
    const running = runs.filter((run) => !hasEnded(run))
    if (running.length > 1) violate(`${running.map(({ id }) => id).join(' and ')} run as ${name}`)
    const [run = first.run ?? (runs.length === 1 ? runs[0] : undefined)] = running
    if (run === undefined) continue
    if (running.length > 0 && first.run !== run && run.texts.length > 0)
      violate(`readers of ${name} read ${first.run?.id}, not ${run.id}, which runs`)
    const { replacedBy } = run
    // No header was lost.
    if (replacedBy !== undefined && losses.every(({ isHandedOver }) => isHandedOver))
      violate(`readers of ${name} read ${run.id}, and not ${replacedBy.id}, which replaces it`)
    checkHeld(first, run, options)
  }
}

/** Whether the producer's Pod died before its last header was sure to reach each Pod. */
function hasDiedEarly({ startedAt, endedAt, diedAt }: ProducedRun): boolean {
  if (diedAt === undefined) return false
  const headerAt = endedAt !== undefined && endedAt < diedAt ? endedAt : startedAt
  return diedAt - headerAt < HEADER_MS
}

/** Invariant: a chunk that another Pod held survives the producer, and each Pod that hands over its copies. */
function checkHeld(
  { run: read, next }: Reading,
  run: ProducedRun,
  { losses, violate }: SettlementOptions,
): void {
  const { held, diedAt = Number.POSITIVE_INFINITY, address: home } = run
  if (held === undefined || (read !== undefined && read !== run)) return
  const later = losses.filter(
    // The next process at the address of the producer's Pod may have held it as well.
    ({ at, address }) => at >= held.at && (address !== home || at > diedAt),
  )
  // A Pod that stops may hand it over to the producer alone, or to a Pod that crashes later.
  const isKept = later.every(({ isHandedOver, at }) => isHandedOver && at >= diedAt)
  const lost = isKept ? 0 : new Set(later.map(({ address }) => address)).size
  const left = read === undefined ? 0 : next
  if (lost < held.pods && left < held.next)
    violate(`${run.id} has chunks up to ${left} left, although ${held.pods} Pods held it up to ${held.next}`)
}

/** The part that readers on all Pods must have in common; `runs` are those of the name. */
function summary(
  { run, next, end, isNotFound, isInterrupted }: Reading,
  runs: readonly ProducedRun[],
): string {
  // A reader without a chunk does not know its run.
  const mayBe = run === undefined ? runs : [run]
  // A Pod that learned of a dead producer late judges it late.
  const isLate = isInterrupted || (!isNotFound && mayBe.every(isGone))
  return `${isNotFound ? 'no run' : run?.id} to ${next}, ${end?.state ?? (isLate ? 'lost' : 'no end')}`
}
