import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { ClusterFleet } from './fleet.ts'
import type { Kubelet } from './rig/kubelet/kubelet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { timed } from './timed.ts'
import { Traffic } from './traffic.ts'

const BACK_MS = 30_000
/** The node controller declares a silent node lost after 10 s, and evicts its Pods 5 s later. */
const REPLACED_MS = 60_000

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('clients of a killed Pod resume elsewhere without losing a delivered event', async () => {
  const traffic = await Traffic.start(fleet)
  const [target] = fleet.pods as [RunningPod]
  traffic.orphan(target)
  target.kill()
  await until('the killed Pod is not ready', () => !fleet.balancer.ready.includes(target.name))
  await timed('the Pod is back', () =>
    until('the killed Pod is ready again', () => fleet.balancer.ready.includes(target.name), BACK_MS),
  )
  await fleet.settled()
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
})

test('losing a node with two of three Pods loses no delivered event', async () => {
  const traffic = await Traffic.start(fleet)
  const node = fleet.rig.kubelets.find(({ pods }) => pods.size === 2) as Kubelet
  const lost = [...node.pods.values()]
  for (const pod of lost) traffic.orphan(pod)
  await node.die()
  await timed('the Pods are replaced', () =>
    until(
      'three Pods are ready on the other node',
      () => fleet.balancer.ready.length === 3 && fleet.pods.length === 3,
      REPLACED_MS,
    ),
  )
  // Force-deletes the Pods, as an operator or the cloud does once the node is known to be gone.
  const names = lost.map(({ name }) => name)
  await fleet.kubectl('delete', 'pod', '--force', '--grace-period=0', ...names)
  expect(await fleet.settled()).toBeLessThanOrEqual(1_000)
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
})
