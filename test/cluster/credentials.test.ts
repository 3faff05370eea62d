import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { ASK_MS, ClusterFleet } from './fleet.ts'
import { Traffic } from './traffic.ts'

/** Maximum delay of the finder before a retry. */
const NOTICE_MS = 60_000

let fleet: ClusterFleet
let traffic: Traffic

beforeAll(async () => {
  fleet = await ClusterFleet.start()
  traffic = await Traffic.start(fleet)
})

afterAll(() => fleet?.stop())

test('a Pod without permission names the Role, and continues once granted', async () => {
  await fleet.kubectl('delete', 'rolebinding', 'web')
  await fleet.disconnectFromApi()
  await errorOnAllPods('kind: RoleBinding')
  await fleet.apply()
  await fleet.scale(4)
})

test('a Pod reports an invalid token, and continues with the next one', async () => {
  await fleet.kubectl('delete', 'serviceaccount', 'web')
  await fleet.apply()
  await fleet.disconnectFromApi()
  await errorOnAllPods('does not accept the credentials')
  for (const pod of fleet.pods) await pod.volumes.refresh()
  await fleet.scale(3)
})

test('a Pod reports an outdated CA, and continues with the new one', async () => {
  const { controlPlane } = fleet.rig
  await controlPlane.stopApi()
  controlPlane.replaceAuthority()
  await controlPlane.startApi()
  await errorOnAllPods('the CA was replaced')
  for (const pod of fleet.pods) await pod.volumes.replaceCa(controlPlane.ca)
  await fleet.scale(4)
})

test('every client received every event once, and every Pod kept its peers', async () => {
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  for (const { lists } of await fleet.states()) {
    expect(Math.min(...lists.map(({ uids }) => uids.length))).toBeGreaterThanOrEqual(3)
  }
})

/** Resolves when every Pod has reported an error with these words. */
async function errorOnAllPods(words: string): Promise<void> {
  const haveReported = async () => (await fleet.states()).every(({ errors }) => errors.join().includes(words))
  await until(`every Pod reports: ${words}`, haveReported, NOTICE_MS, ASK_MS)
}
