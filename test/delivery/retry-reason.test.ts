import { expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'

/** The data of the last block, which ended the response. */
function reasonOf({ all, ended }: Client): unknown {
  const last = all.at(-1)
  expect([ended, last?.event]).toEqual([true, 'sser-retry'])
  return JSON.parse(last?.data ?? '')
}

it('a connection that disconnect() ends is told so, also where it is behind', async () => {
  const fleet = await Fleet.of(1)
  const pod = fleet.pod(0)
  const [quick, behind] = [pod.connect('a'), pod.open(['a'])]
  await settle()
  void pod.sser.send('a', 'x')
  void pod.sser.disconnect({ stream: 'a' })
  await settle()
  behind.flow()
  await fleet.clock.advance(0)
  for (const client of [quick, behind]) {
    expect(client.messages).toEqual(['x'])
    expect(reasonOf(client)).toEqual({ reason: 'disconnected' })
  }
})

it('a connection whose time is over is told so', async () => {
  const fleet = await Fleet.of(1, { maxConnectionAgeMs: 1_000 })
  const client = fleet.pod(0).connect('a')
  await fleet.clock.advance(2_000)
  expect(reasonOf(client)).toEqual({ reason: 'expired' })
})

it('the clients of a Pod that stops are told so, and those that come meanwhile', async () => {
  const fleet = await Fleet.of(1, { drainTimeoutMs: 1_000 })
  const client = fleet.pod(0).connect('a')
  await settle()
  const stopping = fleet.stop()
  const late = fleet.pod(0).connect('a')
  await stopping
  expect([client, late].map(reasonOf)).toEqual([{ reason: 'draining' }, { reason: 'draining' }])
})

it('a client of a Pod that is not ready is told so', async () => {
  const client = new Fleet(1).pod(0).connect('a')
  await settle()
  expect(reasonOf(client)).toEqual({ reason: 'not-ready' })
})
