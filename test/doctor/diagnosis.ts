import { type Examination, examine } from '../../src/doctor/examine.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { withStream } from '../../src/doctor/visit.ts'

export interface Diagnosis {
  findings: readonly Finding[]
  /** All that stands in the way. */
  causes: readonly (string | undefined)[]
  says(check: string): string
}

/** What the doctor finds at `url`; it has less patience than a user's. */
export async function diagnose(url: string, options: Partial<Examination> = {}): Promise<Diagnosis> {
  const defaults = { headers: {}, insecure: false, idleMs: 1_000, patienceMs: 1_000 }
  const findings: Finding[] = []
  for await (const finding of examine({ url: withStream(new URL(url)), ...defaults, ...options })) {
    findings.push(finding)
  }
  return {
    findings,
    causes: findings.filter(({ verdict }) => verdict === 'fail').map(({ cause }) => cause),
    says: (check) => findings.find((finding) => finding.check === check)?.says ?? '',
  }
}
