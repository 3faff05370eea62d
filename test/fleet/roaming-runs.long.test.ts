import { afterEach, expect, test } from 'vitest'
import { endPods, type Runtime } from '../support/pod-process.ts'
import { closeRunClients } from '../support/run-client.ts'
import { RoamingRuns } from './roaming-runs.ts'

afterEach(async () => {
  closeRunClients()
  await endPods()
})

test.each<[Runtime[], string]>([
  [['node', 'node', 'node'], '127.4.5.1'],
  [['bun', 'bun', 'bun'], '127.4.6.1'],
  [['bun', 'node', 'bun'], '127.4.7.1'],
])(
  '300 readers of 100 runs change Pods, and have every chunk once and the right end: %s',
  async (runtimes, first) => {
    const report = await RoamingRuns.report({ runtimes, first, runs: 100, startEveryMs: 60 })
    console.log(`${runtimes}: ${JSON.stringify(report)}`)
    expect(report.faults).toEqual([])
    expect(report.gaps).toBe(0)
  },
  180_000,
)
