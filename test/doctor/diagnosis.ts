import { type CheckOptions, runChecks } from '../../src/doctor/checks.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { withStreamName } from '../../src/doctor/probe.ts'

export interface Diagnosis {
  findings: readonly Finding[]
  /** Causes of the failed checks. */
  causes: readonly (string | undefined)[]
  /** Returns the message of a check, or an empty text if it was not made. */
  message(check: string): string
}

/** Runs the doctor at `url`, with shorter time limits than those of the command. */
export async function diagnose(url: string, options: Partial<CheckOptions> = {}): Promise<Diagnosis> {
  const defaults = { headers: {}, insecure: false, durationMs: 1_000, timeoutMs: 1_000 }
  const findings: Finding[] = []
  for await (const finding of runChecks({ url: withStreamName(new URL(url)), ...defaults, ...options })) {
    findings.push(finding)
  }
  return {
    findings,
    causes: findings.filter(({ verdict }) => verdict === 'fail').map(({ cause }) => cause),
    message: (check) => findings.find((finding) => finding.check === check)?.message ?? '',
  }
}
