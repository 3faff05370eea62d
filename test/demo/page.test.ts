import { type Browser, chromium, type Page } from 'playwright-core'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Demo, endDemos, freePorts } from '../support/demo.ts'
import { requires } from '../support/requires.ts'
import { until } from '../support/until.ts'
import { contrasts } from './contrast.ts'

/** Time limit of the page, because a browser and four processes share two cores with other tests. */
const SHOW_MS = 30_000
/** The least contrast of text. @see https://www.w3.org/TR/WCAG22/#contrast-minimum */
const MIN_CONTRAST = 4.5

/** Whether a Pod no longer has the events after an id. */
async function hasForgotten(url: string, id: string): Promise<boolean> {
  const { headers, body } = await request(`${url}/events?stream=demo`, { headers: { 'last-event-id': id } })
  body.destroy()
  return headers['sser-resume'] === 'gap'
}

const executablePath = requires('chromium')

describe.skipIf(!executablePath)('the demo page in Chromium (needs chromium)', () => {
  let demo: Demo
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    demo = new Demo(...(await freePorts()).flags)
    browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })
    page = await open(await demo.url())
    page.on('pageerror', (error) => errors.push(error.message))
    for (const pod of [1, 2, 3]) await isLive(pod)
  })

  // A test that failed halfway leaves nothing behind either.
  afterAll(async () => {
    await browser?.close()
    await endDemos()
  })

  async function open(url: string): Promise<Page> {
    const opened = await browser.newPage({ viewport: { width: 1200, height: 900 } })
    opened.setDefaultTimeout(SHOW_MS)
    await opened.goto(url)
    return opened
  }

  const panel = (pod: number, on = page) => on.locator('.panel').nth(pod - 1)
  const events = (pod: number, on = page) => panel(pod, on).locator('.event .text')
  const isLive = (pod: number, on = page) =>
    panel(pod, on).locator('.client-state', { hasText: 'connected to' }).waitFor()
  const click = (name: string, on = page) => on.getByRole('button', { name, exact: true }).click()
  const receipt = (words: RegExp | string) => page.getByRole('status').filter({ hasText: words }).waitFor()
  const guide = (words: string, on = page) => on.locator('.guide', { hasText: words }).waitFor()

  async function send(pod: number, text: string, on = page): Promise<void> {
    await on.getByLabel('Event to send').fill(text)
    await click(`Send through Pod ${pod}`, on)
  }

  /** Checks the text that is visible now. */
  async function hasContrast(): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const found = await page.evaluate(contrasts)
      expect(found.length).toBeGreaterThan(20)
      expect(found.filter(({ ratio }) => !(ratio >= MIN_CONTRAST))).toEqual([])
    }
    await page.emulateMedia({ colorScheme: null, reducedMotion: null })
  }

  test('sends nothing by itself, and shows no id unless asked', async () => {
    expect(await page.locator('.event').count()).toBe(0)
    await guide('Click Send through Pod 1.')
    expect(await page.locator('.last-id').first().isVisible()).toBe(false)
    await panel(1).getByText('Details').click()
    expect(await page.locator('.last-id').first().isVisible()).toBe(true)
  })

  test('an event that is sent through Pod 1 appears in every browser', async () => {
    await send(1, 'hello <b>fleet</b>')
    for (const pod of [1, 2, 3]) {
      await events(pod).filter({ hasText: 'hello <b>fleet</b>' }).waitFor()
      await panel(pod).locator('.event .origin', { hasText: 'sent through Pod 1' }).waitFor()
      expect(await panel(pod).locator('.last-id code').textContent()).toMatch(/^\w+(\.\w+)*-\w{3}$/)
    }
    expect(await page.locator('.event').count()).toBe(3)
    await receipt(/Pod 2 delivered.*Pod 3 delivered/)
    await guide('Now click Kill on Pod 2.')
    const counts = page.locator('.drawing .client .count')
    for (const pod of [0, 1, 2]) await counts.nth(pod).filter({ hasText: /^1$/ }).waitFor()
    await hasContrast()
  })

  test('a browser receives what it missed while its Pod was killed, and the guide and the receipt say so', async () => {
    await click('Kill Pod 2')
    await panel(2).locator('.client-state', { hasText: 'waiting for Pod 2' }).waitFor()
    await guide('Pod 2 is gone, and its browser is disconnected. Now click Send through Pod 1.')

    await send(3, 'while Pod 2 is down')
    for (const pod of [1, 3]) await events(pod).filter({ hasText: 'while Pod 2 is down' }).waitFor()
    await receipt(/Pod 1 delivered.*Pod 2 not reached; it receives the event when it is back/)
    await guide('Browser 2 has missed “while Pod 2 is down”. Click Restart on Pod 2.')
    await hasContrast()

    await click('Restart Pod 2')
    await isLive(2)
    const missed = panel(2).locator('.event', { hasText: 'while Pod 2 is down' })
    await missed.locator('.replayed', { hasText: 'replayed by Pod 2' }).waitFor()
    await guide('Browser 2 got what it missed: “while Pod 2 is down”.')
    await receipt(/Pod 1 delivered.*Pod 2 delivered after all/)

    await send(2, 'after the restart')
    for (const pod of [1, 2, 3]) await events(pod).filter({ hasText: 'after the restart' }).waitFor()
    expect(await events(2).allTextContents()).toEqual(await events(1).allTextContents())
  })

  test('a send through a Pod that is down says that there is no answer', async () => {
    await click('Kill Pod 3')
    await page.getByRole('button', { name: 'Restart Pod 3' }).waitFor()
    await send(3, 'into the void')
    await receipt('No answer from Pod 3')
    expect(await page.getByLabel('Event to send').inputValue()).toBe('into the void')
    await click('Restart Pod 3')
    await isLive(3)
  })

  test('fits a phone of 360 pixels, in the dark and without motion', async () => {
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    await page.setViewportSize({ width: 360, height: 740 })
    const text = `one-long-word-${'x'.repeat(200)}`
    await send(2, text)
    for (const pod of [1, 2, 3]) await events(pod).filter({ hasText: text }).waitFor()
    const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    expect(content).toBeLessThanOrEqual(screen as number)
  })

  test('a gap is shown in plain words', async () => {
    const other = await browser.newPage()
    // As a client that comes with the id of some other server.
    await other.route(/\/events\?/, (route) =>
      route.continue({ url: `${route.request().url()}&lastEventId=nonsense` }),
    )
    await other.goto(await demo.url())
    const gap = panel(1, other).locator('.gap')
    const words = 'Some events may be missing, because the last event id of this browser is not valid.'
    await gap.filter({ hasText: words }).waitFor({ timeout: SHOW_MS })
    await other.close()
  })

  test('with --log-seconds 1 a browser whose Pod was down for longer receives a gap', async () => {
    // A heartbeat brings the browser its first id.
    process.env.HEARTBEAT_MS = '1000'
    const short = new Demo('--log-seconds', '1', '--pods', '2', ...(await freePorts()).flags)
    delete process.env.HEARTBEAT_MS
    const other = await open(await short.url())
    for (const pod of [1, 2]) await isLive(pod, other)
    await panel(2, other).locator('.last-id code', { hasText: '-' }).waitFor({ state: 'attached' })

    await click('Kill Pod 2', other)
    await other.getByRole('button', { name: 'Restart Pod 2' }).waitFor()
    await send(1, 'missed 1', other)
    await events(1, other).filter({ hasText: 'missed 1' }).waitFor()
    const id = (await panel(1, other).locator('.last-id code').textContent()) ?? ''
    await send(1, 'missed 2', other)
    const [first] = await short.pods()
    await until('Pod 1 has forgotten the last', () => hasForgotten(first?.url ?? '', id), SHOW_MS)
    await click('Restart Pod 2', other)
    await panel(2, other).locator('.gap', { hasText: 'Some events may be missing, because' }).waitFor()
    await guide('Browser 2 was away for longer than the Pods keep events, and was told so.', other)
    expect(await panel(2, other).locator('.event .text', { hasText: 'missed' }).count()).toBe(0)
    await other.close()
    await short.stop()
  })

  test('shows every Pod as gone when the demo has ended', async () => {
    await demo.stop()
    await page.getByRole('alert').filter({ hasText: 'The demo has ended, and its Pods are gone.' }).waitFor()
    for (const pod of [1, 2, 3]) {
      expect(await page.getByRole('button', { name: `Gone Pod ${pod}` }).isDisabled()).toBe(true)
      expect(await page.getByRole('button', { name: `Send through Pod ${pod}` }).isDisabled()).toBe(true)
    }
    expect(errors).toEqual([])
  })
})
