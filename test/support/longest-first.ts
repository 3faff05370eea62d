import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Short files whose tests take long. Without results of an earlier run, vitest would start them last. */
const LONGEST = [
  'test/simulation/simulation.test.ts',
  'test/discovery/kubernetes/fault-table.test.ts',
  'test/fleet/delivery.test.ts',
  'test/fleet/leak.test.ts',
  'test/fleet/go-quiet.test.ts',
  'test/fleet/resume.test.ts',
  'test/security/internal-idle.test.ts',
  'test/security/sockets.test.ts',
  'test/security/browsers.test.ts',
  'test/security/slow.test.ts',
  'test/bench/bench.test.ts',
]

/** The order of vitest, with the longest files first, so that no worker is left with one of them at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}
