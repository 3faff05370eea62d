// Draws docs/demo.png: the demo's page after a Pod was killed and an event was sent.
// `npm run docs:demo`; it needs chromium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { programPath } from '../bench/harness/program-path.ts'

const PICTURE = fileURLToPath(new URL('../docs/demo.png', import.meta.url))
const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

const executablePath = programPath('chromium')
if (executablePath === undefined) throw new Error('This needs Debian’s package chromium')

const demo = spawn(process.execPath, [CLI, 'demo', '--page-port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const [line] = (await once(demo.stdout, 'data')) as [Buffer]
  const url = /http:\S+/.exec(line.toString())?.[0] ?? ''
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage({ viewport: { width: 1_100, height: 860 } })
    const click = (name: string) => page.getByRole('button', { name }).click()
    const counts = (text: string) => page.locator('.drawing .count', { hasText: text })
    await page.goto(url)
    await page.locator('.client-state', { hasText: 'connected to' }).nth(2).waitFor()
    await click('Send through Pod 1')
    await counts('1').nth(2).waitFor()
    await click('Kill Pod 2')
    await page.locator('.client-state', { hasText: 'waiting for Pod 2' }).waitFor()
    await click('Send through Pod 1')
    await counts('2').nth(1).waitFor()
    // The cross on the link to the Pod that is gone, before it fades.
    await page.locator('.mark.failed').waitFor()
    await page.screenshot({ path: PICTURE })
  } finally {
    await browser.close()
  }
  console.log(`wrote ${PICTURE}`)
} finally {
  demo.kill()
  await once(demo, 'close')
}
