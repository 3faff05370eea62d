import type { KubernetesPeerFinderOptions } from '../../../../src/kubernetes.ts'
import { ClusterFixture } from '../cluster-fixture.ts'

/** One behaviour of a finder. Vitest runs it on Node, and a process runs it on Bun. */
export interface Row {
  behaviour: string
  /** Rejects if the finder behaves otherwise. */
  run(): Promise<void>
}

/** One behaviour of a KubernetesPeerFinder, with a fixture of its own. */
export interface FaultRow {
  behaviour: string
  options?: Partial<KubernetesPeerFinderOptions>
  run(fixture: ClusterFixture): Promise<void>
}

export function withFixtures(rows: readonly FaultRow[]): Row[] {
  return rows.map(({ behaviour, options, run }) => ({
    behaviour,
    async run() {
      const fixture = await ClusterFixture.create(options)
      try {
        await run(fixture)
      } finally {
        await fixture.end()
      }
    },
  }))
}
