import { execFileSync } from 'node:child_process'

/** Interval of the checks whether the parent processes still run, in milliseconds. */
const CHECK_MS = 500

/** Calls `onEnd` when npm has ended, because npm that is killed forwards no signal to its scripts. */
export function watchParents(onEnd: () => void): void {
  const parent = process.ppid
  // npm starts a shell, which starts this process and outlives npm.
  const npm = process.env.npm_execpath === undefined ? undefined : parentOf(parent)
  const check = () => {
    if (process.ppid !== parent || (npm !== undefined && !isRunning(npm))) onEnd()
  }
  setInterval(check, CHECK_MS).unref()
}

/** The parent of a process, where `ps` tells it; `undefined` for the first process of the machine or container. */
function parentOf(pid: number): number | undefined {
  try {
    const output = execFileSync('ps', ['-o', 'ppid=', '-p', `${pid}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const parent = Number(output)
    return parent > 1 ? parent : undefined
  } catch {
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Without permission to signal it, the process exists.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
