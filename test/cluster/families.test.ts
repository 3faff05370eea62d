import { isIPv6 } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClusterFleet } from './fleet.ts'
import { Traffic } from './traffic.ts'

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('IPv6-only Pods replace dual-stack Pods without lost or duplicate events', async () => {
  const traffic = await Traffic.start(fleet)
  for (const kubelet of fleet.rig.kubelets) kubelet.families = ['IPv6']
  await fleet.restart()
  expect(fleet.pods.map(({ ip }) => isIPv6(ip))).toEqual([true, true, true])
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
})
