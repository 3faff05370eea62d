// CPU and memory of processes, read from the kernel, so that reading costs the processes nothing.
import { readdirSync, readFileSync } from 'node:fs'

/** CPU time, in microseconds. */
export interface Cpu {
  total: number
  user: number
  system: number
}

/** These processes and their descendants. */
export function family(pids: readonly number[]): number[] {
  return pids.flatMap((pid) => {
    const children = tasks(pid).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    )
    return [pid, ...family(children.map(Number))]
  })
}

/**
 * CPU time so far: the total in nanoseconds, from the scheduler; its split, in ticks of 10 ms, from
 * `stat`. With `before`, the time since then.
 */
export function cpu(pids: readonly number[], before?: CpuReading): CpuReading {
  let nanoseconds = 0
  let user = 0
  let system = 0
  for (const pid of pids) {
    for (const task of tasks(pid)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
    }
    // The second field is the program's name, and may have blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    user += Number(fields[11])
    system += Number(fields[12])
  }
  if (before === undefined) return { nanoseconds, user, system }
  return {
    nanoseconds: nanoseconds - before.nanoseconds,
    user: user - before.user,
    system: system - before.system,
  }
}

export interface CpuReading {
  nanoseconds: number
  /** In ticks. */
  user: number
  /** In ticks. */
  system: number
}

/** Divides a reading by the number of deliveries. */
export function perDelivery({ nanoseconds, user, system }: CpuReading, deliveries: number): Cpu {
  const total = nanoseconds / 1_000 / deliveries
  const share = user + system === 0 ? 0 : user / (user + system)
  return { total, user: total * share, system: total * (1 - share) }
}

/** Resident memory in bytes. */
export function rss(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return sum + Number(kilobytes) * 1_024
  }, 0)
}

function tasks(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`)
}
