import { afterEach, expect, test } from 'vitest'
import { median } from '../../bench/harness/table.ts'
import { endPods, type Runtime } from '../support/pod-process.ts'
import { closeRunClients } from '../support/run-client.ts'
import { KilledProducers } from './killed-producer.ts'

const ROUNDS = 5
/** Maximum time from the start of the new process until all clients are told, in milliseconds. */
const MAX_TOLD_MS = 3_000

afterEach(async () => {
  closeRunClients()
  await endPods()
})

test.each<[Runtime[], string]>([
  [['node', 'node', 'node'], '127.4.2.1'],
  [['bun', 'bun', 'bun'], '127.4.3.1'],
  [['node', 'bun', 'node'], '127.4.4.1'],
])(
  'clients on other Pods are told of a killed producer as soon as its process has started again: %s',
  async (runtimes, first) => {
    const fleet = await KilledProducers.start(runtimes, first)
    const rounds = []
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await fleet.kill(round % runtimes.length))
    const told = Math.round(median(rounds.map(({ toldMs }) => toldMs)))
    const restarted = Math.round(median(rounds.map(({ restartedMs }) => restartedMs)))
    console.log(
      `${runtimes}: median of ${ROUNDS} kills: all clients of the other Pods told after ${told} ms, the new process listens after ${restarted} ms`,
    )
    expect(
      rounds.flatMap(({ clients }) => clients.flatMap(({ faults, gaps }) => [...faults, ...gaps])),
    ).toEqual([])
    expect(told - restarted).toBeLessThanOrEqual(MAX_TOLD_MS)
  },
  180_000,
)
