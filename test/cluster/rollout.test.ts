import { afterAll, beforeAll, expect, test } from 'vitest'
import { until, WAIT_MS } from '../support/until.ts'
import { ClientRecording, verdictOf } from './client-recording.ts'
import { ASK_MS, ClusterFleet } from './fleet.ts'
import { markSilence, silenceOf } from './silence.ts'
import { timed } from './timed.ts'
import { streams, Traffic } from './traffic.ts'

/** Maximum mean of stream ends per move to another Pod. Above 1, clients came back to the draining Pod. */
const MAX_ENDS = 1.5
const CLIENTS = 50

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start({ minReadySeconds: 10 })
})

afterAll(() => fleet?.stop())

test('every client gets every event once during rollouts to Bun and back', async () => {
  const traffic = await Traffic.start(fleet)
  const { clients } = traffic
  await timed('the update from Node to Bun', () => fleet.updateTo('Bun'))
  const afterNode = markSilence(clients)
  const node = silenceOf(clients)
  await timed('the update from Bun to Node', () => fleet.updateTo('Node'))
  let connections: number[] = []
  const areBack = async () => {
    connections = (await fleet.states()).map((state) => state.connections)
    return connections.reduce((sum, count) => sum + count) === clients.length
  }
  await until('all clients are back', areBack, WAIT_MS, ASK_MS)
  const bun = silenceOf(clients, afterNode)
  console.log(
    `time without a stream of clients that draining Pods disconnected: ${JSON.stringify({ node, bun })}; now ${connections} connections`,
  )
  // The last new Pod gets a third of the last old Pod's clients, even if each new Pod is ready only after the drain
  // before.
  const share = clients.length / connections.length
  expect(Math.max(...connections)).toBeLessThanOrEqual(share * 2)
  expect(Math.min(...connections)).toBeGreaterThanOrEqual(share / 2)
  expect(await traffic.end()).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  const entries = traffic.sent.flatMap(({ receipt }) => receipt?.peers ?? [])
  const outcomes = Object.groupBy(
    entries,
    ({ status, reason = '' }) => `${status} ${reason.replace(/\d+/g, 'N')}`,
  )
  console.log(
    Object.entries(outcomes)
      .map(([outcome, all]) => `${all?.length} ${outcome}`)
      .join('\n'),
  )
  const warnings = fleet.warnings()
  console.log(`${warnings.length} warnings`, warnings.slice(0, 20).join('\n'))
  expect(entries.filter(({ status }) => status === 'failed')).toEqual([])
  expect(warnings).toEqual([])
  for (const { ends } of [node, bun]) expect(ends).toBeLessThanOrEqual(MAX_ENDS)
})

test('clients of sser/client miss nothing, get nothing twice and no gap during a rollout', async () => {
  const recordings = await ClientRecording.open(fleet.balancer.url, CLIENTS, streams)
  const traffic = await Traffic.start(fleet)
  await timed('the rollout', () => fleet.restart())
  await traffic.end()
  const verdict = await verdictOf(traffic.sent, recordings)
  const { received, lost, twice, gaps } = verdict
  const moves = recordings.reduce((sum, { recoveries }) => sum + recoveries, 0)
  console.log(
    `${CLIENTS} clients of sser/client moved ${moves} times: ${received} events received, ${lost.length} missed, ${twice.length} doubled, ${gaps.length} gaps`,
  )
  expect(verdict).toMatchObject({ lost: [], twice: [], disordered: [], gaveUp: [], gaps: [] })
  expect(moves).toBeGreaterThanOrEqual(CLIENTS)
})
