import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { ClusterFleet } from './fleet.ts'
import type { Kubelet } from './rig/kubelet/kubelet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { timed } from './timed.ts'
import { Traffic } from './traffic.ts'

const BACK_MS = 30_000
/** The node's controller needs ten seconds to take it for lost, and its Pods stay for five more. */
const REPLACED_MS = 60_000

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('clients of a killed Pod resume elsewhere, and no delivered event is lost', async () => {
  const traffic = await Traffic.start(fleet)
  const [target] = fleet.pods as [RunningPod]
  traffic.orphan(target)
  target.kill()
  await until('it is not ready', () => !fleet.balancer.ready.includes(target.name), 5_000)
  await timed('the Pod is back', () =>
    until('it is ready again', () => fleet.balancer.ready.includes(target.name), BACK_MS),
  )
  await fleet.settled()
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
})

test('no delivered event is lost with a node that ran two of three Pods', async () => {
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
  // What somebody who runs the cluster does, or its cloud, once the node is known to be gone.
  const names = lost.map(({ name }) => name)
  await fleet.kubectl('delete', 'pod', '--force', '--grace-period=0', ...names)
  expect(await fleet.settled()).toBeLessThanOrEqual(1_000)
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
})
