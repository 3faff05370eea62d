// Draws docs/chat.png: the page of `npm run example:chat` while both answers are written, from the built package.
// `npm run docs:chat`; it needs chromium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { programPath } from '../bench/harness/program-path.ts'

const PICTURE = fileURLToPath(new URL('../docs/chat.png', import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../examples/chat/main.ts', import.meta.url))

const executablePath = programPath('chromium')
if (executablePath === undefined) throw new Error('This needs Debian’s package chromium')

const example = spawn(process.execPath, [EXAMPLE], {
  env: { ...process.env, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const [line] = (await once(example.stdout, 'data')) as [Buffer]
  const url = /http:\S+/.exec(line.toString())?.[0] ?? ''
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage({ viewport: { width: 1_100, height: 780 } })
    await page.goto(url)
    for (const ask of await page.getByRole('button', { name: 'Ask' }).all()) await ask.click()
    await page.reload()
    const isLong = () => Number(/(\d+) tokens/.exec(document.body.textContent ?? '')?.[1]) > 200
    await page.waitForFunction(isLong)
    await page.screenshot({ path: PICTURE })
  } finally {
    await browser.close()
  }
  console.log(`wrote ${PICTURE}`)
} finally {
  example.kill()
  await once(example, 'close')
}
