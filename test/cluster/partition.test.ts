import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClusterFleet } from './fleet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { type Answered, Traffic } from './traffic.ts'

const PARTITION_MS = 20_000

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('both sides of a partition serve clients, which get missed events afterwards', async () => {
  const traffic = await Traffic.start(fleet)
  const [isolated, ...others] = fleet.pods as [RunningPod, ...RunningPod[]]
  for (const { namespace } of others) await isolated.namespace.cut(namespace.ipv4)
  const start = performance.now()
  await delay(PARTITION_MS)
  const during = traffic.answeredSince(start)
  await isolated.namespace.heal()
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  // The isolated Pod reached neither of its two peers; each of the other Pods reached one.
  const reached = ({ receipt }: Answered) =>
    receipt.peers.filter(({ status }) => status === 'delivered').length
  const isIsolated = ({ msg }: Answered) => msg.startsWith(isolated.name)
  expect(new Set(during.filter(isIsolated).map(reached))).toEqual(new Set([0]))
  expect(new Set(during.filter((sent) => !isIsolated(sent)).map(reached))).toEqual(new Set([1]))
})
