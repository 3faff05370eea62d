import { execFileSync } from 'node:child_process'
import { type Flags, HELP, readFlags } from './flags.ts'
import { Fleet } from './fleet.ts'
import { servePage } from './page-server.ts'
import { planPods } from './plan.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The output streams of the command. */
export interface Output {
  stdout: { write(text: string): unknown }
  stderr: { write(text: string): unknown }
}

/** Runs `sser demo` until a signal, or until npm has ended. Resolves with the exit code. */
export async function demo(args: readonly string[], { stdout, stderr }: Output): Promise<number> {
  try {
    const flags = readFlags(args)
    if (flags === undefined) stdout.write(HELP)
    else await run(flags, (url) => stdout.write(`sser demo: ${url}\n`))
    return 0
  } catch (error) {
    stderr.write(`sser demo: ${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}

async function run(flags: Flags, onReady: (url: string) => void): Promise<void> {
  const { promise: ending, resolve: end } = Promise.withResolvers<void>()
  for (const signal of SIGNALS) process.on(signal, () => end())
  watchParents(end)
  const plans = await planPods(flags)
  const fleet = new Fleet(plans, { runtime: flags.bun ? 'bun' : 'node', logSeconds: flags.logSeconds })
  let closePage: (() => Promise<void>) | undefined
  const start = async () => {
    // First, so that the page takes none of their ports.
    await fleet.start()
    const page = await servePage(fleet, flags.pagePort)
    closePage = page.close
    onReady(page.url)
    await ending
  }
  try {
    await Promise.race([start(), ending])
  } finally {
    await Promise.all([closePage?.(), fleet.stop()])
  }
}

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
