import { existsSync, readFileSync } from 'node:fs'
import type { PodProcess } from './pod-process.ts'

/** Length of the system's ticks, in milliseconds. */
const TICK_MS = 10

/**
 * Returns for how long a Pod is busy with `work`, in milliseconds: its CPU time, because other processes may make the answer
 * late. Where the system does not tell that, the time until the answer.
 */
export async function busyMs(pod: PodProcess | undefined, work: () => Promise<unknown>): Promise<number> {
  const [start, before] = [performance.now(), cpuMs(pod)]
  await work()
  const [ms, after] = [performance.now() - start, cpuMs(pod)]
  return before === undefined || after === undefined ? ms : Math.min(ms, after - before + TICK_MS)
}

/** Returns the CPU time of this process while `work` runs, in milliseconds: of all its threads. */
export async function ownCpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** CPU time of the Pod's process so far, in whole ticks. */
function cpuMs(pod: PodProcess | undefined): number | undefined {
  const file = `/proc/${pod?.process.pid}/stat`
  if (!existsSync(file)) return undefined
  // The 12th and 13th after the name, which is in parentheses.
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? []
  return TICK_MS * (Number(fields[11]) + Number(fields[12]))
}
