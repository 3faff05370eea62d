import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { ASK_MS, ClusterFleet } from './fleet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { timed } from './timed.ts'

const NOTICE_MS = 150_000

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('a Pod notices a watch whose packets are dropped, and recovers afterwards', async () => {
  const [pod] = fleet.pods as [RunningPod]
  const { ipv4 } = fleet.rig.controlPlane.namespace
  await pod.namespace.cut(ipv4)
  const hasNoticed = async () => (await fleet.stateOf(pod)).finder.lastError !== undefined
  await timed('the Pod notices the silent watch', () =>
    until('the Pod notices the silent watch', hasNoticed, NOTICE_MS, ASK_MS),
  )
  expect((await fleet.stateOf(pod)).finder.peers).toBe(3)
  await pod.namespace.heal()
  await fleet.scale(4)
})
