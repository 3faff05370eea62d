import { type Flags, HELP, readFlags } from './flags.ts'
import { Fleet } from './fleet.ts'
import { servePage } from './page-server.ts'
import { watchParents } from './parents.ts'
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
    const page = await servePage(fleet, flags.pagePort)
    closePage = page.close
    await fleet.start()
    onReady(page.url)
    await ending
  }
  try {
    await Promise.race([start(), ending])
  } finally {
    await Promise.all([closePage?.(), fleet.stop()])
  }
}
