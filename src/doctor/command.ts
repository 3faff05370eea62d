import { examine } from './examine.ts'
import type { Finding } from './finding.ts'
import { type Flags, HELP, readFlags } from './flags.ts'
import { MENDS } from './mends.ts'
import { inWords, summary } from './report.ts'

export { HELP } from './flags.ts'

/** Where the doctor writes. */
export interface Output {
  stdout: { write(text: string): unknown }
  stderr: { write(text: string): unknown }
}

/** `sser doctor`: resolves with the exit code. */
export async function doctor(args: readonly string[], { stdout, stderr }: Output): Promise<number> {
  let flags: Flags | undefined
  try {
    flags = readFlags(args)
  } catch (error) {
    stderr.write(`${(error as Error).message}\n\n${HELP}`)
    return 2
  }
  if (flags === undefined) {
    stdout.write(HELP)
    return 0
  }
  const { url, isJson } = flags
  const findings: Finding[] = []
  if (!isJson) stdout.write(`${url.href}\n`)
  for await (const finding of examine(flags)) {
    findings.push(finding)
    if (!isJson) stdout.write(inWords(finding))
  }
  const exitCode = codeOf(findings)
  stdout.write(isJson ? inJson(url, exitCode, findings) : summary(findings))
  return exitCode
}

function codeOf(findings: readonly Finding[]): number {
  if (!findings.some(({ verdict }) => verdict === 'fail')) return 0
  return findings.some(({ check, verdict }) => check === 'connection' && verdict === 'pass') ? 1 : 2
}

function inJson(url: URL, exitCode: number, findings: readonly Finding[]): string {
  const mended = findings.map((finding) => ({ ...finding, mends: finding.cause && MENDS[finding.cause] }))
  return `${JSON.stringify({ url: url.href, exitCode, findings: mended }, null, 2)}\n`
}
