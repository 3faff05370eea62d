// `npm run soak`: the Deployment is updated again and again, under traffic, for half an hour; before that, for ten
// minutes, nothing happens. It prints what that cost, and fails if anything went wrong.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Fleet } from './fleet.ts'
import { Traffic } from './traffic.ts'

const MINUTE_MS = 60_000

const { values } = parseArgs({
  options: { rest: { type: 'string', default: '10' }, minutes: { type: 'string', default: '30' } },
})

const fleet = await Fleet.start({ minReadySeconds: 10 })
try {
  await measured('at rest', () => delay(Number(values.rest) * MINUTE_MS))
  await measured('while it is updated', update)
} finally {
  await fleet.stop()
}

async function update(): Promise<void> {
  const end = performance.now() + Number(values.minutes) * MINUTE_MS
  for (let number = 1; performance.now() < end; number += 1) {
    const traffic = await Traffic.start(fleet)
    await fleet.restart()
    const memory = await Promise.all(fleet.pods.map(({ namespace }) => namespace.pids().then(megabytesOf)))
    const { promised, received, unknown, ...wrong } = await traffic.end()
    console.log(
      `update ${number}: ${promised} events, ${received} received; the Pods have ${memory.join(', ')} MB`,
    )
    for (const [name, list] of Object.entries(wrong)) {
      if (list.length === 0) continue
      process.exitCode = 1
      console.error(`update ${number}: ${list.length} ${name}: ${list.slice(0, 5).join('; ')}`)
    }
  }
}

/** Says how much the Pods asked of the apiserver meanwhile. */
async function measured(what: string, work: () => Promise<void>): Promise<void> {
  const before = requests()
  let podMs = 0
  const timer = setInterval(() => {
    podMs += fleet.rig.pods.length * 1_000
  }, 1_000)
  await work()
  clearInterval(timer)
  const podHours = podMs / (60 * MINUTE_MS)
  const after = requests()
  const rates = ['list', 'watch'].map((verb) => {
    const count = (after.get(verb) ?? 0) - (before.get(verb) ?? 0)
    return `${Math.round(count / podHours)} ${verb}`
  })
  console.log(`${what}, a Pod asks the apiserver in an hour: ${rates.join(', ')}`)
}

/** How many requests of each verb the Pods have made so far. */
function requests(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const line of readFileSync(fleet.rig.controlPlane.auditLog, 'utf8').split('\n')) {
    if (line === '') continue
    const { verb } = JSON.parse(line) as { verb: string }
    counts.set(verb, (counts.get(verb) ?? 0) + 1)
  }
  return counts
}

/** The memory of processes. */
function megabytesOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return Math.round(kilobytes.reduce((sum, each) => sum + Number(each ?? 0), 0) / 1_024)
}
