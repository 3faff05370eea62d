import { createServer, type Socket } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Demo, endDemos, freePorts, START_MS, STOP_MS } from './support/demo.ts'
import { requires } from './support/requires.ts'
import { until, within } from './support/until.ts'

/** For what the page shall show: a browser and four processes share two cores with other tests. */
const SHOW_MS = 20_000

/** Fails where a port is still taken. */
async function free(port: number): Promise<void> {
  for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
    await new Promise((resolve) => server.close(resolve))
  }
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Whether a Pod no longer has what came after an id. */
async function hasForgotten(url: string, id: string): Promise<boolean> {
  const { headers, body } = await request(`${url}/events?stream=demo`, { headers: { 'last-event-id': id } })
  body.destroy()
  return headers['sser-resume'] === 'gap'
}

// A test that failed halfway leaves nothing behind either.
afterAll(endDemos)

const executablePath = requires('chromium')

/** Takes no offence at a Pod that is killed in the middle of a request. */
const resettable = (socket: Socket) => void socket.on('error', () => {})

describe.skipIf(!executablePath)('the demo page in Chromium (needs chromium)', () => {
  let demo: Demo
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    demo = new Demo(...(await freePorts()).flags)
    browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })
    page = await browser.newPage({ viewport: { width: 1200, height: 900 } })
    page.setDefaultTimeout(SHOW_MS)
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(await demo.url())
    for (const pod of [1, 2, 3]) await isLive(pod)
  }, 90_000)

  afterAll(async () => {
    await browser?.close()
  }, 30_000)

  const panel = (pod: number) => page.locator('.panel').nth(pod - 1)
  const client = (pod: number) => panel(pod).locator('.client-state')
  const events = (pod: number) => panel(pod).locator('.event .text')
  const isLive = (pod: number) => client(pod).filter({ hasText: 'live' }).waitFor()

  async function send(pod: number, text: string): Promise<void> {
    await page.getByLabel('Message').fill(text)
    await page.getByRole('button', { name: `Send through Pod ${pod}` }).click()
  }

  test('sends nothing by itself', async () => {
    expect(await page.locator('.event').count()).toBe(0)
  })

  test('an event that is sent through Pod 1 appears in all three panels', async () => {
    await send(1, 'hello <b>fleet</b>')
    for (const pod of [1, 2, 3]) {
      await events(pod).filter({ hasText: 'hello <b>fleet</b>' }).waitFor()
      await panel(pod).locator('.event .origin', { hasText: 'via Pod 1' }).waitFor()
      expect(await panel(pod).locator('.last-id code').textContent()).toMatch(/^\w+(\.\w+)*-\w{3}$/)
    }
    expect(await page.locator('.event').count()).toBe(3)
    const receipt = page.getByRole('status')
    await receipt.filter({ hasText: /Pod 2 delivered.*Pod 3 delivered/ }).waitFor()
  }, 60_000)

  test('the drawing counts at each client what has arrived there', async () => {
    const counts = page.locator('.drawing .client text')
    for (const pod of [0, 1, 2]) await counts.nth(pod).filter({ hasText: /^1$/ }).waitFor()
  }, 30_000)

  test('a Pod is killed: its panel says so, the others go on, and it recovers after the restart', async () => {
    await page.getByRole('button', { name: 'Kill Pod 2' }).click()
    await panel(2).locator('.pod-state', { hasText: 'killed' }).waitFor()
    await client(2).filter({ hasText: 'reconnecting' }).waitFor()

    await send(3, 'while Pod 2 is down')
    for (const pod of [1, 3]) await events(pod).filter({ hasText: 'while Pod 2 is down' }).waitFor()
    const receipt = page.getByRole('status')
    await receipt.filter({ hasText: /Pod 1 delivered.*Pod 2 failed: \w/ }).waitFor()

    await page.getByRole('button', { name: 'Restart Pod 2' }).click()
    await panel(2).locator('.pod-state', { hasText: 'running' }).waitFor()
    await isLive(2)
    const missed = panel(2).locator('.event', { hasText: 'while Pod 2 is down' })
    await missed.locator('.replayed').waitFor()

    await send(2, 'after the restart')
    for (const pod of [1, 2, 3]) await events(pod).filter({ hasText: 'after the restart' }).waitFor()
    expect(await events(2).allTextContents()).toEqual(await events(1).allTextContents())
  }, 90_000)

  test('a send through a Pod that is down says that there is no receipt', async () => {
    await page.getByRole('button', { name: 'Kill Pod 3' }).click()
    await panel(3).locator('.pod-state', { hasText: 'killed' }).waitFor()
    await send(3, 'into the void')
    await page.getByRole('status').filter({ hasText: 'No receipt from Pod 3' }).waitFor()
    expect(await page.getByLabel('Message').inputValue()).toBe('into the void')
    await page.getByRole('button', { name: 'Restart Pod 3' }).click()
    await isLive(3)
  }, 60_000)

  test('fits a phone of 360 pixels, in the dark and without motion', async () => {
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    await page.setViewportSize({ width: 360, height: 740 })
    const text = `one-long-word-${'x'.repeat(200)}`
    await send(2, text)
    for (const pod of [1, 2, 3]) await events(pod).filter({ hasText: text }).waitFor()
    const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    expect(content).toBeLessThanOrEqual(screen as number)
  }, 60_000)

  test('a gap is shown for what it is', async () => {
    const other = await browser.newPage()
    // As a client that comes with the id of some other server.
    await other.route(/\/events\?/, (route) =>
      route.continue({ url: `${route.request().url()}&lastEventId=nonsense` }),
    )
    await other.goto(await demo.url())
    const gap = other.locator('.panel').first().locator('.gap')
    await gap.filter({ hasText: 'gap: may have missed events (invalid-id)' }).waitFor({ timeout: SHOW_MS })
    await other.close()
  }, 30_000)

  test('ran without an error in the page', () => {
    expect(errors).toEqual([])
  })
})

describe.skipIf(!executablePath)('the demo with --log-seconds 1 in Chromium (needs chromium)', () => {
  test('a client whose Pod was down for longer is told of a gap', async () => {
    const demo = new Demo('--log-seconds', '1', ...(await freePorts()).flags)
    const browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ['--no-sandbox'],
    })
    try {
      const page = await browser.newPage()
      page.setDefaultTimeout(SHOW_MS)
      await page.goto(await demo.url())
      const panel = (pod: number) => page.locator('.panel').nth(pod - 1)
      const send = async (text: string) => {
        await page.getByLabel('Message').fill(text)
        await page.getByRole('button', { name: 'Send through Pod 1' }).click()
        await panel(1).locator('.event .text', { hasText: text }).waitFor()
      }
      for (const pod of [1, 2, 3]) {
        await panel(pod).locator('.client-state', { hasText: 'live' }).waitFor()
      }
      await send('before')
      await panel(2).locator('.event .text', { hasText: 'before' }).waitFor()

      await page.getByRole('button', { name: 'Kill Pod 2' }).click()
      await panel(2).locator('.pod-state', { hasText: 'killed' }).waitFor()
      for (const text of ['missed 1', 'missed 2']) await send(text)
      const id = (await panel(1).locator('.last-id code').textContent()) ?? ''
      await send('missed 3')
      for (const { name, url } of (await demo.pods()).filter(({ state }) => state === 'running')) {
        await until(`${name} has forgotten the last`, () => hasForgotten(url, id), SHOW_MS)
      }
      await page.getByRole('button', { name: 'Restart Pod 2' }).click()
      await panel(2).locator('.gap', { hasText: 'gap: ' }).waitFor()
      expect(await panel(2).locator('.event .text', { hasText: 'missed' }).count()).toBe(0)
      expect(await page.locator('.gap').count()).toBe(1)
    } finally {
      await browser.close()
      await demo.stop()
    }
  }, 90_000)
})

describe.each([['node'], ['bun']])('the demo, its Pods under %s', (runtime) => {
  const options = runtime === 'bun' ? ['--bun'] : []

  test('ends every Pod on SIGTERM, also one that was restarted', async () => {
    const demo = new Demo(...options, ...(await freePorts()).flags)
    const restart = await fetch(`${await demo.url()}/pods/2/restart`, { method: 'POST' })
    expect(restart.status).toBe(200)
    const pids = (await demo.pods()).map(({ pid }) => pid)
    expect(pids.map(isAlive)).toEqual([true, true, true])
    expect(await demo.stop()).toBe(0)
    expect(pids.map(isAlive)).toEqual([false, false, false])
    expect(demo.stdout.trim().split('\n')).toHaveLength(1)
    expect(demo.stderr).toBe('')
  }, 60_000)

  test('leaves no Pod behind after SIGKILL', async () => {
    const demo = new Demo(...options, ...(await freePorts()).flags)
    const pids = (await demo.pods()).map(({ pid }) => pid)
    await demo.stop('SIGKILL')
    await until('the Pods are gone', () => !pids.some(isAlive), STOP_MS)
  }, 60_000)

  test.each(['port', 'internalPort'] as const)(
    'reports %s in use in one line, and leaves no process',
    async (which) => {
      const { flags, ...ports } = await freePorts()
      const squatter = createServer(resettable)
      await new Promise<void>((resolve) => squatter.listen(ports[which], '127.0.0.1', resolve))
      const demo = new Demo(...options, ...flags)
      expect(await within('the demo gives up', demo.exited, START_MS)).toBe(1)
      expect(demo.stderr).toMatch(new RegExp(`^sser demo: .*${ports[which]}.*\\n$`))
      expect(demo.stdout).toBe('')
      squatter.close()
      await free(ports.port)
      await free(ports.internalPort)
    },
    60_000,
  )
})

describe('the demo', () => {
  test('reports a page port in use in one line', async () => {
    const { flags } = await freePorts()
    const squatter = createServer(resettable)
    await new Promise<void>((resolve) => squatter.listen(Number(flags.at(-1)), '127.0.0.1', resolve))
    const demo = new Demo(...flags)
    expect(await within('the demo gives up', demo.exited, START_MS)).toBe(1)
    expect(demo.stderr).toBe(`sser demo: 127.0.0.1: Port ${flags.at(-1)} is in use\n`)
    squatter.close()
  }, 60_000)

  test.each([
    [['--pods', '0'], '--pods: expected a whole number from 1 to 9, got "0"'],
    [['--port', 'x'], '--port: expected a whole number'],
    [['--log-seconds', '0'], '--log-seconds: expected a whole number from 1 to 3600, got "0"'],
    [['--prot', '1'], '--prot'],
  ])(
    'rejects %j in one line',
    async (flags, text) => {
      const demo = new Demo(...flags)
      expect(await within('the demo gives up', demo.exited, START_MS)).toBe(1)
      expect(demo.stderr).toContain(text)
      expect(demo.stderr.trim().split('\n')).toHaveLength(1)
    },
    60_000,
  )

  test('lets only its own page kill a Pod', async () => {
    const demo = new Demo('--pods', '1', ...(await freePorts()).flags)
    const url = await demo.url()
    const kill = async (headers: Record<string, string>) => {
      const { statusCode, body } = await request(`${url}/pods/1/kill`, { method: 'POST', headers })
      await body.dump()
      return statusCode
    }
    expect(await kill({ origin: 'http://elsewhere.example' })).toBe(403)
    expect(await kill({ origin: (await demo.pods())[0]?.url ?? '' })).toBe(403)
    expect(await kill({ 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await kill({ host: 'elsewhere.example' })).toBe(403)
    expect((await demo.pods())[0]?.state).toBe('running')
    expect(await kill({ origin: url, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect((await demo.pods())[0]).toMatchObject({ state: 'stopped', reason: 'killed' })
    expect(await demo.stop()).toBe(0)
  }, 60_000)
})
