// `npm run soak`: rests for 10 minutes, adds and removes a Pod 5 times under traffic, and updates the Deployment again
// and again under traffic for 30 minutes. Prints the cost to the apiserver, and fails if a client lost an event, got
// one twice, out of order or a gap, or gave up.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { arrival } from './arrival.ts'
import { costOf, meter } from './cost.ts'
import { ClusterFleet } from './fleet.ts'
import { Traffic } from './traffic.ts'

const MINUTE_MS = 60_000

const { values } = parseArgs({
  options: {
    rest: { type: 'string', default: '10' },
    more: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '30' },
  },
})

const fleet = await ClusterFleet.start({ minReadySeconds: 10 })
try {
  await meter(fleet)
  const rest = await costOf(fleet, () => delay(Number(values.rest) * MINUTE_MS))
  console.log(`cost to the apiserver per Pod and hour, at rest: ${rest}`)
  await addPods()
  const updates = await costOf(fleet, update)
  console.log(`cost to the apiserver per Pod and hour, during updates: ${updates}`)
} finally {
  await fleet.stop()
}

/** Adds a Pod under traffic, and removes one, several times. */
async function addPods(): Promise<void> {
  const traffic = await Traffic.start(fleet)
  const times: number[] = []
  while (times.length < Number(values.more)) times.push(await arrival(fleet))
  report('added Pods', await traffic.end())
  const list = times.map((ms) => Math.round(ms)).join(', ')
  console.log(`ms from a new Pod's phase Running to a client's first event of another Pod: ${list}`)
}

async function update(): Promise<void> {
  const end = performance.now() + Number(values.minutes) * MINUTE_MS
  for (let number = 1; performance.now() < end; number += 1) {
    const traffic = await Traffic.start(fleet)
    await fleet.restart()
    const memory = await Promise.all(fleet.pods.map(({ namespace }) => namespace.pids().then(megabytesOf)))
    report(`update ${number}`, await traffic.end())
    console.log(`update ${number}: the Pods have ${memory.join(', ')} MiB`)
  }
}

function report(
  what: string,
  { promised, received, unknown, ...wrong }: Awaited<ReturnType<Traffic['end']>>,
): void {
  console.log(`${what}: ${promised} events, ${received} received`)
  for (const [name, list] of Object.entries(wrong)) {
    if (list.length === 0) continue
    process.exitCode = 1
    console.error(`${what}: ${list.length} ${name}: ${list.slice(0, 5).join('; ')}`)
  }
}

/** Resident memory of processes, in MiB. */
function megabytesOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return Math.round(kilobytes.reduce((sum, each) => sum + Number(each ?? 0), 0) / 1_024)
}
