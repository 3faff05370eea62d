import type { LogEntry } from '../../src/log/entry.ts'
import type { Log } from '../../src/log/log.ts'

/** The entries of a log in order, with the evicted ones that are still in it. */
export function entriesOf(log: Log): LogEntry[] {
  const entries: LogEntry[] = []
  const first = log.placeOf(0)
  for (let i = first, entry = log.at(i); entry !== undefined; i += 1, entry = log.at(i)) entries.push(entry)
  return entries
}
