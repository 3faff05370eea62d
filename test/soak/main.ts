/**
 * `npm run soak:local -- --minutes 120 --leaves 50 --runs 2 --json FILE`: three Pods, each a process, 2,000 clients of 200
 * streams of which 50 leave each second and come back, 200 events a second, and 2 runs a second, each with two readers that
 * change Pods, for five minutes, or `--minutes`. Each minute Pod 2 or Pod 3 is killed, and starts again at once. Pod 1 lives
 * all the time: its memory, timers and descriptors would show a leak.
 * Every client must receive every promised event of its streams once, in its Pod's order, over all its connections; every
 * reader each chunk of its run once, and the end, which is "lost" only where the producer was killed;
 * when all have left, Pod 1 must hold no more than before the first came. Needs neither root nor a cluster.
 */
import { fork } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cpu } from '../../bench/harness/process-cost.ts'
import { until } from '../support/until.ts'
import type { Seen } from './crowd.ts'
import { SoakFleet } from './fleet.ts'
import { Line } from './line.ts'
import { Report } from './report.ts'
import { SoakRuns } from './runs.ts'

const MINUTE_MS = 60_000
const KILL_AFTER_MS = 10_000
/** Longer than `runs.retainMs` of the Pods. */
const RETURN_MS = 90_000
const CLIENTS = 2_000
const STREAMS = 200
const SENDS_PER_SECOND = 200

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    leaves: { type: 'string', default: '50' },
    runs: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
})
const minutes = wholeNumber('minutes')
const leaves = wholeNumber('leaves')
const runsPerSecond = wholeNumber('runs')

const fleet = await SoakFleet.start(STREAMS)
const before = await fleet.vitals()
const child = fork(fileURLToPath(new URL('./crowd.ts', import.meta.url)))
const crowd = new Line(child)
const report = new Report()
const runs = new SoakRuns(fleet, (fault) => report.fault(fault))
const start = performance.now()
try {
  await crowd.ask({ do: 'open', urls: fleet.urls, clients: CLIENTS, streams: STREAMS })
  fleet.send(SENDS_PER_SECOND)
  runs.start(runsPerSecond)
  await crowd.ask({ do: 'churn', perSecond: leaves })
  await soak()
  await end()
} catch (error) {
  report.fault(`the soak could not go on: ${(error as Error).stack}`)
} finally {
  runs.stop()
  await fleet.stop()
  if (child.connected) child.disconnect()
}
for (const fault of fleet.errors) report.fault(fault)
console.log(report.summary())
if (report.errors.length > 0) {
  for (const fault of report.errors) console.error(`broken: ${fault}`)
  process.exitCode = 1
}

function wholeNumber(name: 'minutes' | 'leaves' | 'runs'): number {
  const number = Number(values[name])
  if (!(Number.isInteger(number) && number > 0))
    throw new Error(`--${name}: expected a whole number, at least 1`)
  return number
}

/** Minute by minute: a Pod is killed after ten seconds, and at the end of it all is looked at. */
async function soak(): Promise<void> {
  const begin = performance.now()
  for (let minute = 1; minute <= minutes; minute += 1) {
    const due = begin + minute * MINUTE_MS
    await delay(Math.max(0, due - MINUTE_MS + KILL_AFTER_MS - performance.now()))
    await fleet.restart(1 + (minute % 2))
    await delay(Math.max(0, due - performance.now()))
    await look(minute)
  }
}

async function look(minute: number): Promise<void> {
  const seen = await crowd.ask<Seen>({ do: 'judge', due: fleet.due() })
  const { sent, everywhere, unpromised, skipped, kills } = fleet
  const seconds = (performance.now() - start) / 1_000
  const share = (nanoseconds: number) => nanoseconds / 1e9 / seconds
  const load = {
    pods: share(fleet.cpuNs),
    clients: share(cpu([child.pid as number]).nanoseconds),
    driver: share(cpu([process.pid]).nanoseconds),
  }
  const row = {
    minute,
    pod1: await fleet.vitals(),
    seen,
    sent,
    everywhere,
    unpromised,
    skipped,
    kills,
    runs: runs.counts,
    load,
  }
  report.add(row)
  if (values.json !== undefined) appendFileSync(values.json, `${JSON.stringify(row)}\n`)
}

/** Everything that was promised arrives; then all clients leave, and Pod 1 is where it was before. */
async function end(): Promise<void> {
  await runs.rest()
  await fleet.rest()
  await crowd.ask({ do: 'settle', due: fleet.allDue })
  report.judge(await crowd.ask<Seen>({ do: 'judge', due: fleet.allDue }))
  await crowd.ask({ do: 'close' })
  let left: string[] = []
  const isBack = async () => {
    left = report.leftovers(before, await fleet.vitals())
    return left.length === 0
  }
  try {
    await until('Pod 1 is where it was', isBack, RETURN_MS)
  } catch {
    for (const each of left)
      report.fault(`${RETURN_MS / 1_000} s after the last client left, Pod 1 has ${each}`)
  }
}
