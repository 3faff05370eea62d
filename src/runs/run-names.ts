import { compareRunIds, type RunId } from '../wire/runs.ts'
import type { RunRecord } from './run-directory.ts'

/**
 * The run to which a name resolves. It depends on the set of the headers alone, never on their order, so that all Pods with the
 * same headers agree.
 */
export function resolveRun(records: readonly RunRecord[]): RunRecord | undefined {
  if (records.length < 2) return records[0]
  const replaced = new Set<RunId | undefined>(records.map(({ replaces }) => replaces))
  const left = records.filter(({ id }) => !replaced.has(id))
  const running = left.filter(({ end }) => end === undefined)
  if (running.length > 0) return smallest(running)
  const byId = new Map(records.map((record) => [record.id, record]))
  let latest: RunRecord[] = []
  let longest = -1
  for (const record of left) {
    const length = chainLength(record, byId)
    if (length > longest) latest = []
    if (length >= longest) latest.push(record)
    longest = Math.max(longest, length)
  }
  return smallest(latest)
}

/** Number of runs that it takes the place of, one after another. */
function chainLength(record: RunRecord, byId: ReadonlyMap<RunId, RunRecord>): number {
  let length = 0
  // A peer may tell of runs that replace each other in a circle.
  for (let at: RunRecord | undefined = record; at?.replaces !== undefined && length <= byId.size; length += 1)
    at = byId.get(at.replaces)
  return length
}

function smallest(records: readonly RunRecord[]): RunRecord | undefined {
  let first = records[0]
  for (const record of records)
    if (first !== undefined && compareRunIds(record.id, first.id) < 0) first = record
  return first
}
