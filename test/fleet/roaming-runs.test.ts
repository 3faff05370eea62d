import { afterEach, expect, test } from 'vitest'
import { endPods } from '../support/pod-process.ts'
import { closeRunClients } from '../support/run-client.ts'
import { RoamingRuns } from './roaming-runs.ts'

afterEach(async () => {
  closeRunClients()
  await endPods()
})

test('readers that change Pods have every chunk once and the right end, while each Pod is killed or drained', async () => {
  const report = await RoamingRuns.report({
    runtimes: ['node', 'bun', 'node'],
    first: '127.4.1.1',
    runs: 16,
    startEveryMs: 100,
  })
  console.log(report)
  expect(report.faults).toEqual([])
  expect(report.gaps).toBe(0)
}, 120_000)
