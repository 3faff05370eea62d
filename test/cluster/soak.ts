// `npm run soak`: the Deployment is updated again and again, under traffic, for half an hour; before that, for ten
// minutes, nothing happens, and a few times a Pod is added. It prints what that cost, and fails if anything went wrong.
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
  console.log(`at rest, an hour of a Pod costs the apiserver: ${rest}`)
  await more()
  const updates = await costOf(fleet, update)
  console.log(`while it is updated, an hour of a Pod costs the apiserver: ${updates}`)
} finally {
  await fleet.stop()
}

/** A Pod more, under traffic, and a Pod less. */
async function more(): Promise<void> {
  const traffic = await Traffic.start(fleet)
  const times: number[] = []
  while (times.length < Number(values.more)) times.push(await arrival(fleet))
  report('a Pod more', await traffic.end())
  const list = times.map((ms) => Math.round(ms)).join(', ')
  console.log(`a new Pod's client had its first event of another Pod so many ms after Running: ${list}`)
}

async function update(): Promise<void> {
  const end = performance.now() + Number(values.minutes) * MINUTE_MS
  for (let number = 1; performance.now() < end; number += 1) {
    const traffic = await Traffic.start(fleet)
    await fleet.restart()
    const memory = await Promise.all(fleet.pods.map(({ namespace }) => namespace.pids().then(megabytesOf)))
    report(`update ${number}`, await traffic.end())
    console.log(`update ${number}: the Pods have ${memory.join(', ')} MB`)
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

/** The memory of processes. */
function megabytesOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return Math.round(kilobytes.reduce((sum, each) => sum + Number(each ?? 0), 0) / 1_024)
}
