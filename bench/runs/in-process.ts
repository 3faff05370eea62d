// CPU of a chunk in a fleet of `PODS` Pods in this process, without that of the same fleet at rest; prints a JSON object.
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../test/support/until.ts'
import { Sser, StaticPeerFinder, serve } from '../harness/source.ts'
import { CHUNKS_PER_SECOND, chunksOf } from './plan.ts'

const { PODS = '1', HOSTS = '', RUNS = '100', SECONDS = '4', WARM_UP_SECONDS = '1' } = process.env
const pods = Number(PODS)
/** Two intervals of no-op entries. */
const REST_MS = 10_000
const hosts = HOSTS.split(',')
process.setMaxListeners(0)

const fleet = await Promise.all(
  Array.from({ length: pods }, async (_, i) => {
    const sser = new Sser({
      peerFinder: new StaticPeerFinder(hosts.slice(0, pods).map((host) => `${host}:7147`)),
      internalPort: 7147,
      logger: false,
    })
    await serve({
      sser,
      fetch: () => new Response(),
      port: 0,
      hostname: '127.0.0.1',
      internalHostname: hosts[i] as string,
    })
    return sser
  }),
)
const isMet = () =>
  fleet.every(({ peers }) => peers.every(({ state }) => state === 'connected' || state === 'self'))
await until('all Pods are connected', isMet, 250_000)

/** CPU time of a second without runs, in microseconds. */
async function atRest(): Promise<number> {
  const before = process.cpuUsage()
  await pause(REST_MS)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / REST_MS
}

/**
 * Writes `count` chunks of each run in time, each read on another Pod; returns the CPU and the time from the moment at which
 * all readers have received a first chunk, in microseconds and milliseconds.
 */
async function round(label: string, count: number): Promise<{ cpu: number; ms: number }> {
  const plans = Array.from({ length: Number(RUNS) }, (_, i) => ({ name: `${label}-${i}`, seed: i + 1 }))
  const runs = await Promise.all(
    plans.map(({ name }, i) => (fleet[i % pods] as (typeof fleet)[number]).startRun(name)),
  )
  let begun = 0
  const readers = plans.map(async ({ name }, i) => {
    let chunks = 0
    const reader = fleet[(i * 7 + 1) % pods] as (typeof fleet)[number]
    for await (const item of reader.readRun(name)) {
      if (item.type !== 'chunk') continue
      if (chunks === 0) begun += 1
      chunks += 1
    }
    if (chunks !== 1 + count) throw new Error(`${name}: ${chunks} of ${1 + count} chunks came`)
  })
  const texts = plans.map((plan) => chunksOf(plan, 1 + count))
  for (const [r, run] of runs.entries()) run.write(texts[r]?.[0] as string)
  await until('all readers have begun', () => begun === runs.length)
  const before = process.cpuUsage()
  const start = performance.now()
  await new Promise<void>((resolve) => {
    let i = 1
    const tick = setInterval(() => {
      for (const [r, run] of runs.entries()) {
        if (i <= count) run.write(texts[r]?.[i] as string)
        else run.end()
      }
      i += 1
      if (i <= count + 1) return
      clearInterval(tick)
      resolve()
    }, 1_000 / CHUNKS_PER_SECOND)
  })
  await Promise.all(readers)
  const { user, system } = process.cpuUsage(before)
  return { cpu: user + system, ms: performance.now() - start }
}

await round('warm-up', Number(WARM_UP_SECONDS) * CHUNKS_PER_SECOND)
const rest = await atRest()
const count = Number(SECONDS) * CHUNKS_PER_SECOND
const { cpu, ms } = await round('measured', count)
const chunks = Number(RUNS) * count
console.log(JSON.stringify({ cpu: (cpu - (rest * ms) / 1_000) / chunks, rest: rest / 1e6 }))
process.exit()
