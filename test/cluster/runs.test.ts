import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { until, WAIT_MS } from '../support/until.ts'
import { ClusterFleet, urlOf } from './fleet.ts'
import type { Kubelet } from './rig/kubelet/kubelet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { RunReader } from './run-reader.ts'
import { timed } from './timed.ts'

const RUNS = 200
const CHUNK_EVERY_MS = 250
const RUN_MS = 60_000
const CHUNKS = RUN_MS / CHUNK_EVERY_MS
/** The runs begin over this time, in the middle of which the rollout does. */
const STARTS_MS = 20_000
/** Longer than a run, whose timers are late on a busy machine. */
const RUNS_DRAIN_MS = 75_000
/** Runs that last longer than the drain. */
const ENDLESS = 6
const ENDLESS_CHUNKS = 1_000_000
const END_MS = 60_000
/** Runs of each Pod when a node is lost. */
const RUNS_PER_POD = 10
/** Clients whose connection leads to the lost node notice it by a heartbeat that does not come. */
const TOLD_MS = 90_000
const MAX_INTERRUPTED_MS = 20_000

let fleet: ClusterFleet
let readers: RunReader[] = []

beforeAll(async () => {
  fleet = await ClusterFleet.start({ runsDrainMs: RUNS_DRAIN_MS })
})

afterEach(() => {
  for (const reader of readers) reader.close()
  readers = []
})

afterAll(() => fleet?.stop())

function read(url: string, name: string): RunReader {
  const reader = new RunReader(url, name)
  readers.push(reader)
  return reader
}

/** Starts a run on the Pod behind the URL; a Pod that drains refuses it, and the next one is asked. */
async function generate(url: string, name: string, count: number): Promise<void> {
  const isStarted = async () => {
    const body = JSON.stringify({ count, everyMs: CHUNK_EVERY_MS })
    // On a connection of its own, so that the balancer chooses a Pod for each run.
    const answer = await request(`${url}/generate/${name}`, { method: 'POST', body, reset: true })
    await answer.body.dump()
    return answer.statusCode === 201
  }
  await until(`${name} is started`, isStarted, WAIT_MS, 100)
}

function faults(): string[] {
  return readers.flatMap((reader) => reader.faults)
}

/** Number of readers by the end of their run. */
function ends(all: readonly RunReader[]): Record<string, number> {
  const byEnd = Object.groupBy(all, ({ end, chunks }) =>
    end === 'ended' ? `ended after ${chunks}` : `${end}`,
  )
  return Object.fromEntries(Object.entries(byEnd).map(([end, group = []]) => [end, group.length]))
}

test('a rollout loses no chunk of 200 runs of a minute, which the draining Pods bring to their end', async () => {
  const { url } = fleet.balancer
  const startedAt = performance.now()
  const endless = Array.from({ length: ENDLESS }, (_, i) => `endless${i}`)
  for (const name of endless) await generate(url, name, ENDLESS_CHUNKS)
  const cutOff = endless.flatMap((name) => [read(url, name), read(url, name)])
  const whole: RunReader[] = []
  let rollout: Promise<number> | undefined
  for (let i = 0; i < RUNS; i += 1) {
    await delay(Math.max(0, startedAt + (i * STARTS_MS) / RUNS - performance.now()))
    await generate(url, `run${i}`, CHUNKS)
    whole.push(read(url, `run${i}`))
    if (i === RUNS / 2) rollout = timed('the rollout', () => fleet.restart())
  }
  // Every second run has another client, which comes later and reads it from the first chunk.
  for (let i = 0; i < RUNS; i += 2) whole.push(read(url, `run${i}`))
  await rollout
  const isOver = () => readers.every(({ end }) => end !== undefined)
  await until('every run is over', isOver, END_MS, 50).catch(() => {})
  const moves = readers.flatMap(({ states }) => states).filter(({ status }) => status === 'recovering').length
  console.log(
    `${readers.length} readers moved ${moves} times; runs of a minute: ${JSON.stringify(ends(whole))}; longer runs: ${JSON.stringify(ends(cutOff))}; ${Math.round((performance.now() - startedAt) / 1_000)} s in all`,
  )
  expect(faults()).toEqual([])
  expect(ends(whole)).toEqual({ [`ended after ${CHUNKS}`]: whole.length })
  expect(ends(cutOff)).toEqual({ 'failed draining': cutOff.length })
  for (const name of endless) {
    const counts = cutOff.filter((reader) => reader.name === name).map(({ chunks }) => chunks)
    expect(new Set(counts).size, `${name}: ${counts}`).toBe(1)
  }
  expect(fleet.warnings().filter((line) => !line.includes('(draining)'))).toEqual([])
})

test('readers are told when the packets of a node with two of three Pods are dropped', async () => {
  const node = fleet.rig.kubelets.find(({ pods }) => pods.size === 2) as Kubelet
  const lost = [...node.pods.values()]
  const survivor = fleet.pods.find((pod) => !lost.includes(pod)) as RunningPod
  const runsOf = async (pod: RunningPod) => {
    const names = Array.from({ length: RUNS_PER_POD }, (_, i) => `${pod.name}.${i}`)
    for (const name of names) await generate(urlOf(pod.ip), name, CHUNKS)
    return names
  }
  const cutOff = (await Promise.all(lost.map(runsOf))).flat()
  const going = await runsOf(survivor)
  const there = cutOff.map((name) => read(urlOf(survivor.ip), name))
  const anywhere = cutOff.map((name) => read(fleet.balancer.url, name))
  const whole = going.map((name) => read(fleet.balancer.url, name))
  await until('every reader has a chunk', () => readers.every(({ chunks }) => chunks > 0))

  const cutAt = performance.now()
  const after = (times: (number | undefined)[]) =>
    Math.round(Math.max(...times.map((at = Infinity) => at - cutAt)))
  await node.isolate()
  const areInterrupted = () => there.every((reader) => reader.at('interrupted') !== undefined)
  await until('the readers on the other node are told', areInterrupted, MAX_INTERRUPTED_MS * 2, 10)
  const interruptedMs = after(there.map((reader) => reader.at('interrupted')))
  const areReplaced = () => fleet.balancer.ready.length === 3 && fleet.pods.length === 3
  await until('three Pods are ready on the other node', areReplaced, END_MS, 50)
  const replacedMs = after([performance.now()])
  // As an operator or the cloud does once the node is known to be gone.
  const deletedAt = performance.now()
  await fleet.kubectl('delete', 'pod', '--force', '--grace-period=0', ...lost.map(({ name }) => name))
  await until('every run is over', () => readers.every(({ end }) => end !== undefined), TOLD_MS, 50).catch(
    () => {},
  )
  console.log(
    `after the packets of the node were dropped: readers on the other node had "interrupted" after ${interruptedMs} ms, three Pods were ready after ${replacedMs} ms, the Pods of the node deleted after ${after([deletedAt])} ms, "lost" for readers on the other node after ${after(there.map((reader) => reader.at('lost')))} ms, for clients of the balancer after ${after(anywhere.map((reader) => reader.at('lost')))} ms; runs of the other node: ${JSON.stringify(ends(whole))}`,
  )
  expect(faults()).toEqual([])
  expect(ends([...there, ...anywhere])).toEqual({ lost: there.length + anywhere.length })
  expect(ends(whole)).toEqual({ [`ended after ${CHUNKS}`]: whole.length })
  expect(interruptedMs).toBeLessThanOrEqual(MAX_INTERRUPTED_MS)
})
