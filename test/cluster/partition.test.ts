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

test('both sides of a partition serve, and every client gets missed events afterwards', async () => {
  const traffic = await Traffic.start(fleet)
  const [lonely, ...others] = fleet.pods as [RunningPod, ...RunningPod[]]
  for (const { namespace } of others) await lonely.namespace.cut(namespace.ipv4)
  const start = performance.now()
  await delay(PARTITION_MS)
  const during = traffic.answeredSince(start)
  await lonely.namespace.heal()
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  // Of the two peers, the lonely Pod reached none, and each of the others the other.
  const reached = ({ receipt }: Answered) =>
    receipt.peers.filter(({ status }) => status === 'delivered').length
  const isAlone = ({ msg }: Answered) => msg.startsWith(lonely.name)
  expect(new Set(during.filter(isAlone).map(reached))).toEqual(new Set([0]))
  expect(new Set(during.filter((sent) => !isAlone(sent)).map(reached))).toEqual(new Set([1]))
})
