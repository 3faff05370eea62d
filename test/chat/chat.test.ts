import { type ChildProcess, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../frameworks/install.ts'
import { requires } from '../support/requires.ts'
import { until, within } from '../support/until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Packages that the built `sser` imports. */
const PACKAGES = ['@hono', 'eventsource-parser', 'hono', 'valibot']
const START_MS = 60_000
const executablePath = requires('chromium')

let folder = ''
let example: ChildProcess
let output = ''
let url = ''
let browser: Browser

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sser-chat-'))
  await installBuilt(folder)
  await cp(join(ROOT, 'examples/chat'), folder, { recursive: true })
  example = spawn(process.execPath, [join(folder, 'main.ts')], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  for (const stream of [example.stdout, example.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  await until('the example says where its page is', () => output.includes('http://'))
  url = /http:\S+/.exec(output)?.[0] as string
  if (executablePath !== undefined)
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
}, 2 * START_MS)

afterAll(async () => {
  await browser?.close()
  if (example.exitCode === null) example.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** Builds `sser` into the folder, where no other test builds. */
async function installBuilt(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, 'sser'), { recursive: true })
  const outDir = join(modules, 'sser/dist')
  await run('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', outDir], ROOT)
  await cp(join(ROOT, 'package.json'), join(modules, 'sser/package.json'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of PACKAGES) await symlink(join(ROOT, 'node_modules', name), join(modules, name))
}

const chat = (page: Page, number: number) => page.locator('.chat').nth(number - 1)
const says = (page: Page, number: number, state: string) =>
  chat(page, number).locator('.state', { hasText: state }).waitFor({ timeout: 30_000 })
const podOf = async (page: Page, number: number, what: 'Written' | 'delivered') => {
  const path = chat(page, number).locator('.path')
  const pattern = new RegExp(`${what} by Pod (\\d)`)
  await path.filter({ hasText: pattern }).waitFor({ timeout: 30_000 })
  return Number(pattern.exec((await path.textContent()) ?? '')?.[1])
}

test.runIf(executablePath !== undefined)(
  'goes on after a reload on another Pod, stops from another tab, and says that a Pod has died',
  async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(url)
    for (const number of [1, 2]) await chat(page, number).locator('.ask').click()
    for (const number of [1, 2]) await says(page, number, 'writing')

    const before = await podOf(page, 1, 'delivered')
    const text = ((await chat(page, 1).locator('.answer').textContent()) ?? '').trim()
    await page.reload()
    await says(page, 1, 'writing')
    expect(await podOf(page, 1, 'delivered')).not.toBe(before)
    await page.waitForFunction(
      (start) => document.querySelector('.answer')?.textContent?.trim().startsWith(start) === true,
      text.slice(0, 40),
    )

    const other = await context.newPage()
    await other.goto(url)
    await says(other, 1, 'writing')
    await chat(other, 1).locator('.stop').click()
    for (const tab of [page, other]) await says(tab, 1, 'stopped')

    const writer = await podOf(page, 2, 'Written')
    const started = performance.now()
    await page.getByRole('button', { name: `Kill Pod ${writer}` }).click()
    for (const tab of [page, other]) await says(tab, 2, 'the Pod that wrote it has died')
    console.log(`told after ${Math.round(performance.now() - started)} ms`)
    expect((await chat(page, 2).locator('.answer').textContent())?.length).toBeGreaterThan(20)

    await chat(page, 2).locator('.ask').click()
    await says(page, 2, 'writing')
  },
)

test('ends with Ctrl-C and leaves no process', async () => {
  const ended = new Promise((resolve) => example.once('exit', resolve))
  // A terminal sends it to the whole process group.
  process.kill(-(example.pid as number), 'SIGINT')
  expect(await within('the example ends', ended)).toBe(0)
  await until('its Pods end', () => !isRunning(-(example.pid as number)))
  expect(output).not.toMatch(/error/i)
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
