import { readdirSync, readFileSync } from 'node:fs'

/** CPU time of a process, all threads together, in milliseconds. */
export function cpuOf(pid: number): number {
  let nanoseconds = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
    } catch {
      // The thread ended between the two calls.
    }
  }
  return nanoseconds / 1e6
}
