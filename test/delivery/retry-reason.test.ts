import { expect, it } from 'vitest'
import type { Authorize } from '../../src/index.ts'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'
import { pausable } from '../support/pausable-clock.ts'

/** The data of the last block, which ended the response. */
function reasonOf({ all, ended }: Client): unknown {
  const last = all.at(-1)
  expect([ended, last?.event]).toEqual([true, 'sser-retry'])
  return JSON.parse(last?.data ?? '')
}

/** Grants the stream for `ms` milliseconds. */
const grantedFor =
  (ms: number): Authorize =>
  () => ({ streams: ['a'], expiresAt: Date.now() + ms })

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

it.each([
  ['maxConnectionAgeMs', { maxConnectionAgeMs: 2_000, authorize: grantedFor(3_000) }, 'max-age'],
  ['expiresAt of authorize', { maxConnectionAgeMs: 20_000, authorize: grantedFor(1_000) }, 'expired'],
  ['expiresAt alone', { authorize: grantedFor(1_000) }, 'expired'],
])('a connection that %s ends is told so', async (_, options, reason) => {
  const fleet = await Fleet.of(1, options)
  const response = await fleet.pod(0).sser.handler(new Request('http://pod/?stream=a'))
  const client = new Client(response).flow()
  await fleet.clock.advance(4_000)
  expect(reasonOf(client)).toEqual({ reason })
})

it('the clients of a Pod whose process paused are told so', async () => {
  const fleet = new Fleet(2)
  const { clock, pause } = pausable(fleet.clock)
  const pod = fleet.replace(0, { clock })
  await fleet.start(...fleet.pods)
  const client = pod.connect('a')
  await settle()
  pause(300_000)
  await fleet.clock.until('the connection ends', () => client.ended)
  expect(reasonOf(client)).toEqual({ reason: 'paused' })
  await fleet.stop()
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
