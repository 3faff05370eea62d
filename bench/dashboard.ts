// npm run docs:dashboard: draws docs/dashboard.png, the dashboard of examples/kubernetes/monitoring, with Prometheus'
// results for three Pods, one of which is killed. It takes two minutes, and needs prometheus and chromium.
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { Fleet } from '../src/demo/fleet.ts'
import { Audience } from './dashboard/audience.ts'
import { draw, readPanels } from './dashboard/panels.ts'
import { Prometheus } from './dashboard/prometheus.ts'
import { programPath } from './harness/program-path.ts'

const PICTURE = fileURLToPath(new URL('../docs/dashboard.png', import.meta.url))
/**
 * Times from the first scrape, in milliseconds. The Pod is away for longer than the log reaches, so that clients get a
 * gap.
 */
const KILL_MS = 30_000
const RESTART_MS = 60_000
const END_MS = 95_000
const LOG_SECONDS = 20

const browserPath = programPath('chromium')
const prometheusPath = programPath('prometheus')
if (browserPath === undefined || prometheusPath === undefined) {
  throw new Error('This needs Debian’s packages prometheus and chromium')
}

const plans = [1, 2, 3].map((i) => ({ host: `127.0.98.${i}`, port: 8098, internalPort: 7098 }))
const fleet = new Fleet(plans, { runtime: 'node', logSeconds: LOG_SECONDS })
const prometheus = new Prometheus(prometheusPath, '127.0.98.100:9098')
const audience = new Audience(plans.map(({ host, port }) => `http://${host}:${port}`))
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
try {
  await fleet.start()
  await prometheus.start(
    plans.map(({ host, internalPort }, i) => ({ pod: `web-${i + 1}`, target: `${host}:${internalPort}` })),
  )
  audience.begin()
  const fromS = Date.now() / 1_000
  await after(KILL_MS)
  await fleet.pod(3)?.kill()
  await after(RESTART_MS - KILL_MS)
  await fleet.pod(3)?.start()
  await after(END_MS - RESTART_MS)
  const page = await draw(readPanels(), prometheus, fromS, Date.now() / 1_000)
  audience.end()
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  try {
    const tab = await browser.newPage({ viewport: { width: 1_600, height: 800 }, deviceScaleFactor: 0.8 })
    await tab.setContent(page)
    await tab.screenshot({ path: PICTURE, fullPage: true })
  } finally {
    await browser.close()
  }
  console.log(`wrote ${PICTURE}`)
} finally {
  audience.end()
  await prometheus.stop()
  await fleet.stop()
}
