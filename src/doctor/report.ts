import type { Finding } from './finding.ts'
import { MENDS, PAGE } from './mends.ts'

const MARKS = { pass: '✓', fail: '✗', unknown: '–' } as const
const NAME_WIDTH = 15
const PLACE_WIDTH = 15

/** One check for people: a line, and for a fault a line for each place where it may be mended. */
export function inWords({ check, verdict, cause, says }: Finding): string {
  const mends = cause === undefined ? [] : (MENDS[cause] ?? [])
  const lines = mends.map(({ at, set }) => `    ${at.padEnd(PLACE_WIDTH)} ${set}\n`)
  return `${MARKS[verdict]} ${check.padEnd(NAME_WIDTH)} ${says}\n${lines.join('')}`
}

export function summary(findings: readonly Finding[]): string {
  const causes = findings.flatMap(({ cause }) => cause ?? [])
  if (causes.length === 0) return '\nNothing stands in the way.\n'
  return `\nIn the way: ${causes.join(', ')}. More in ${PAGE}.\n`
}
