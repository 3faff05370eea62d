import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClusterFleet } from './fleet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { timed } from './timed.ts'
import { Traffic } from './traffic.ts'

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(() => fleet?.stop())

test('every client gets every event once while two rollouts add a secret', async () => {
  const traffic = await Traffic.start(fleet)
  await fleet.kubectl(
    'create',
    'secret',
    'generic',
    'web-peers',
    '--from-literal=secret=a-secret-of-32-characters-or-more',
  )
  await timed('the first rollout', () => fleet.applyWith('secret', 'secret/first-rollout'))
  await timed('the second rollout', () => fleet.applyWith('secret'))
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  const entries = traffic.sent.flatMap(({ receipt }) => receipt?.peers ?? [])
  expect(entries.filter(({ status }) => status === 'failed')).toEqual([])
  expect(fleet.warnings()).toEqual([])
  for (const pod of fleet.pods) expect(await appendTo(pod)).toBe(401)
})

/** Sends an empty, unsigned append; resolves with the status of the response. */
async function appendTo(pod: RunningPod): Promise<number> {
  const { statusCode, body } = await request(`http://${pod.ip}:7000/api/json/v2/append`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  await body.dump()
  return statusCode
}
