// The demo: Pods as real processes, and a page to watch them. `npm start`, or `npm start -- --help`.
import { readFlags } from './demo/flags.ts'
import { Fleet } from './demo/fleet.ts'
import { servePage } from './demo/page-server.ts'
import { planPods } from './demo/plan.ts'

let fleet: Fleet | undefined
let closePage: (() => Promise<void>) | undefined
let isEnding = false

async function end(exitCode: number): Promise<void> {
  if (isEnding) return
  isEnding = true
  await Promise.all([closePage?.(), fleet?.stop()])
  process.exit(exitCode)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0))

try {
  const flags = readFlags(process.argv.slice(2))
  fleet = new Fleet(await planPods(flags), {
    runtime: flags.bun ? 'bun' : 'node',
    logSeconds: flags.logSeconds,
  })
  const page = await servePage(fleet, flags.pagePort)
  closePage = page.close
  await fleet.start()
  console.log(`sser demo: ${page.url}`)
} catch (error) {
  if (!isEnding) console.error(`sser demo: ${error instanceof Error ? error.message : error}`)
  await end(1)
}
