import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Fleet } from './fleet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import type { Sent } from './sender.ts'
import { Traffic } from './traffic.ts'

const PARTITION_MS = 20_000

let fleet: Fleet

beforeAll(async () => {
  fleet = await Fleet.start()
})

afterAll(() => fleet?.stop())

test('while one Pod is cut off from the others both sides serve, and then everyone gets what they missed', async () => {
  const traffic = await Traffic.start(fleet)
  const [lonely, ...others] = fleet.pods as [RunningPod, ...RunningPod[]]
  for (const { namespace } of others) await lonely.namespace.cut(namespace.ipv4)
  const before = traffic.sent.length
  await delay(PARTITION_MS)
  const during = traffic.sent.slice(before)
  await lonely.namespace.heal()
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  const reached = ({ receipt }: Sent) => receipt?.peers.filter(({ status }) => status === 'delivered').length
  // Every send has a receipt, and it says how many of the two peers have the event: none, or the other one.
  const alone = during.filter(({ msg }) => msg.startsWith(lonely.name))
  const together = during.filter(({ msg }) => !msg.startsWith(lonely.name))
  expect(new Set(alone.map(reached))).toEqual(new Set([0]))
  expect(new Set(together.map(reached))).toEqual(new Set([1]))
})
