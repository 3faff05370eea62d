import { type CheckOptions, runChecks } from './checks.ts'
import { type Finding, formatMs } from './finding.ts'
import { FIXES, PAGE } from './fixes.ts'
import { type Flags, HELP, readFlags, USAGE } from './flags.ts'

export { HELP, USAGE } from './flags.ts'

const MARKS = { pass: '✓', fail: '✗', unknown: '–' } as const
const COLUMN_WIDTH = 15
const LAST_CHECK = 'duration'

/** The output streams of the command. */
export interface Output {
  stdout: { write(text: string): unknown }
  stderr: { write(text: string): unknown }
}

/** Runs `sser doctor`; resolves with the exit code. */
export async function doctor(args: readonly string[], { stdout, stderr }: Output): Promise<number> {
  let flags: Flags | undefined
  try {
    flags = readFlags(args)
  } catch (error) {
    stderr.write(`${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  if (flags === undefined) {
    stdout.write(HELP)
    return 0
  }
  const { isJson, ...options } = flags
  return isJson ? printJson(options, stdout) : printText(options, { stdout, stderr })
}

async function printJson(options: CheckOptions, stdout: Output['stdout']): Promise<number> {
  const findings: (Finding & { fixes?: unknown })[] = []
  for await (const finding of runChecks(options))
    findings.push({ ...finding, ...(finding.cause && { fixes: FIXES[finding.cause] ?? [] }) })
  const exitCode = exitCodeOf(findings)
  stdout.write(`${JSON.stringify({ url: options.url.href, exitCode, findings }, null, 2)}\n`)
  return exitCode
}

async function printText(options: CheckOptions, { stdout, stderr }: Output): Promise<number> {
  const onRecord = (ms: number) => stderr.write(`  … recording for ${formatMs(ms)}\n`)
  const findings: Finding[] = []
  stdout.write(`${options.url.href}\n`)
  for await (const finding of runChecks({ ...options, onRecord })) {
    findings.push(finding)
    stdout.write(formatFinding(finding))
  }
  stdout.write(`\n${summarize(findings)}\n`)
  return exitCodeOf(findings)
}

/** Formats a check for people: one line, and for a failure one line for each place that may need a fix. */
function formatFinding({ check, verdict, cause, message }: Finding): string {
  const fixes = cause === undefined ? [] : (FIXES[cause] ?? [])
  const lines = fixes.map(({ where, change }) => `    ${where.padEnd(COLUMN_WIDTH)} ${change}\n`)
  return `${MARKS[verdict]} ${check.padEnd(COLUMN_WIDTH)} ${message}\n${lines.join('')}`
}

function summarize(findings: readonly Finding[]): string {
  const causes = findings.flatMap(({ cause }) => cause ?? [])
  if (causes.length === 0) return 'No problems found.'
  const isComplete = findings.some(({ check }) => check === LAST_CHECK)
  const note = isComplete ? '' : ' The remaining checks were not made.'
  return `Problems: ${causes.join(', ')}. See ${PAGE}.${note}`
}

function exitCodeOf(findings: readonly Finding[]): number {
  if (!findings.some(({ verdict }) => verdict === 'fail')) return 0
  return findings.some(({ check, verdict }) => check === 'connection' && verdict === 'pass') ? 1 : 2
}
