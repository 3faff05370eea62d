import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium as playwright } from 'playwright-core'
import { expect, it } from 'vitest'
import type { Sser } from '../../src/index.ts'
import { STYLE } from '../../src/ops/debug-assets.ts'
import type { DebugView } from '../../src/ops/diagnosis.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'
import { requires } from '../support/requires.ts'

const HOSTILE = `</td><script>document.title='broken'</script><img src=x onerror="document.title='broken'">'"&`
const PAGE = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }
const chromium = requires('chromium')

async function view({ opsRoutes }: Sser): Promise<DebugView> {
  const response = await opsRoutes.request('/debug/sser')
  expect(response.headers.get('content-type')).toBe('application/json')
  return (await response.json()) as DebugView
}

it('answers a script with JSON about this Pod and its peers', async () => {
  const fleet = await Fleet.of(3)
  const { sser } = fleet.pod(0)
  const client = fleet.pod(0).connect('a')
  fleet.cut(0, 2)
  await settle()
  await sser.send('a', 'x')
  await fleet.clock.advance(10_000)
  const told = await view(sser)
  expect(told).toMatchObject({ state: 'ready', epoch: sser.stats().epoch, position: sser.position })
  expect(told.version).toMatch(/^\d+\.\d+\.\d+/)
  expect(told.streams).toEqual({ active: 1, largest: [{ stream: 'a', connections: 1 }], rest: 0 })
  const lost = told.peers.find(({ peer }) => peer === fleet.host(2))
  expect(lost).toMatchObject({
    state: 'failing',
    lastError: 'fetch failed: connect ECONNREFUSED',
    lagMs: 10_000,
  })
  expect(told.recentErrors[0]).toMatchObject({ stage: 'append', peer: fleet.host(2) })
  expect(told.errors.append).toBe(fleet.pod(0).errors.length)
  await client.cancel()
  await fleet.stop()
})

it('lists the last 20 errors, the latest first, each with a bounded message', async () => {
  const fleet = await Fleet.of(2, { requestTimeoutMs: 10 })
  fleet.link(0, 1, () => Promise.reject(new Error('long '.repeat(1_000))))
  void fleet.pod(0).sser.send('a', 'x')
  await fleet.clock.advance(200_000)
  const { errors, recentErrors } = await view(fleet.pod(0).sser)
  expect(errors.append).toBeGreaterThan(20)
  expect(recentErrors).toHaveLength(20)
  const ages = recentErrors.map(({ ageMs }) => ageMs)
  expect(ages).toEqual(ages.toSorted((a, b) => a - b))
  expect(Math.max(...recentErrors.map(({ message }) => message.length))).toBeLessThanOrEqual(500)
  await fleet.stop()
})

it('names the 50 largest of 1,000 streams, and counts the others', async () => {
  const fleet = await Fleet.of(1)
  const clients = Array.from({ length: 1_000 }, (_, i) => fleet.pod(0).connect(`s${i}`))
  clients.push(fleet.pod(0).connect('s500'))
  await settle()
  const { streams } = await view(fleet.pod(0).sser)
  expect(streams).toMatchObject({ active: 1_000, rest: 950 })
  expect(streams.largest).toHaveLength(50)
  expect(streams.largest[0]).toEqual({ stream: 's500', connections: 2 })
  const page = await (await fleet.pod(0).sser.opsRoutes.request('/debug/sser', PAGE)).text()
  expect(page).toContain('(950 others)')
  for (const client of clients) await client.cancel()
  await fleet.stop()
})

it('gives a browser a page that allows its own script alone, and loads nothing but itself', async () => {
  const fleet = await Fleet.of(1)
  const response = await fleet.pod(0).sser.opsRoutes.request('/debug/sser', PAGE)
  const policy = response.headers.get('content-security-policy') ?? ''
  const [, nonce] = /nonce-([\w-]+)/.exec(policy) ?? []
  expect(policy).toBe(
    `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  )
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('vary')).toBe('accept')
  const page = await response.text()
  expect(page.match(/<(?:style|script)[^>]*>/g)).toEqual([
    `<style nonce="${nonce}">`,
    `<script nonce="${nonce}">`,
  ])
  expect(page).not.toMatch(/<link|<img|https?:| style=/)
  await fleet.stop()
})

it('folds away the rows at zero, and shows units for people', async () => {
  const fleet = await Fleet.of(2)
  await fleet.pod(0).sser.send('a', 'x'.repeat(2_000))
  await fleet.clock.advance(90_000)
  const page = await (await fleet.pod(0).sser.opsRoutes.request('/debug/sser', PAGE)).text()
  expect(page).toMatch(/\d entries, [\d.]+ KiB of 16 MiB; complete for 2 min of 2 min/)
  expect(page).toMatch(/<details><summary>\d rows at zero<\/summary><p>Connections, /)
  expect(page).toContain('So far no gaps, no rejected input, no errors, no run failures.')
  await fleet.stop()
})

it('has texts with a contrast of at least 4.5 in both colour schemes', () => {
  const luminance = (hex: string) => {
    const long = hex.length === 4 ? hex.replace(/[0-9a-f]/g, '$&$&') : hex
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(long.slice(at, at + 2), 16) / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    }) as [number, number, number]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const schemes = STYLE.split('@media (prefers-color-scheme: dark)')
  expect(schemes).toHaveLength(2)
  for (const scheme of schemes) {
    const colors = new Map(
      Array.from(scheme.matchAll(/--(\w+): (#[0-9a-f]+)/g), ([, name, hex]) => [name, hex]),
    )
    for (const name of ['text', 'muted', 'good', 'passing', 'bad']) {
      const [dark, light] = [colors.get('back'), colors.get(name)]
        .map((hex) => luminance(hex as string))
        .toSorted((a, b) => a - b) as [number, number]
      expect((light + 0.05) / (dark + 0.05), name).toBeGreaterThanOrEqual(4.5)
    }
  }
})

it.skipIf(!chromium)(
  'shows a hostile stream and a hostile error as text (skipped without Chromium)',
  async () => {
    const fleet = await Fleet.of(2)
    const client = fleet.pod(0).connect(HOSTILE)
    await settle()
    fleet.link(0, 1, () => Promise.reject(new Error(HOSTILE)))
    void fleet.pod(0).sser.send('a', 'x')
    await fleet.clock.advance(1_000)
    // Also where nothing but the escaping stands in the way: the second time, without the policy.
    const server = createServer(async (request, answer) => {
      const response = await fleet.pod(0).sser.opsRoutes.request('/debug/sser', PAGE)
      const policy = response.headers.get('content-security-policy') as string
      const guard = request.url === '/guarded' ? { 'content-security-policy': policy } : undefined
      answer.writeHead(200, { 'content-type': 'text/html', ...guard }).end(await response.text())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const browser = await playwright.launch({ executablePath: chromium as string, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      for (const path of ['guarded', 'bare']) {
        const refusals: string[] = []
        page.on('console', (message) => refusals.push(message.text()))
        await page.goto(`http://127.0.0.1:${port}/${path}`)
        expect(await page.title()).toBe('sser: ready')
        expect(await page.locator('td', { hasText: HOSTILE }).count()).toBeGreaterThanOrEqual(2)
        expect(await page.locator('script:not(body > script), img').count()).toBe(0)
        // The page's own script is let in: it refreshes the page in place.
        await page.evaluate(
          `document.querySelector('details').open = true; document.querySelector('h1').marked = true`,
        )
        const sender = fleet.pod(0).sser
        await sender.send(`again ${path}`, 'x')
        const sent = sender.stats().events.sent
        await page.getByText(`${sent} sent here`).waitFor({ timeout: 30_000 })
        expect(await page.title()).toBe('sser: ready')
        expect(
          await page.evaluate(
            `document.querySelector('details').open && document.querySelector('h1').marked`,
          ),
        ).toBe(true)
        expect(await page.locator('script:not(body > script), img').count()).toBe(0)
        expect(await page.locator('td', { hasText: HOSTILE }).count()).toBeGreaterThanOrEqual(2)
        // The page's own style is let in.
        expect(
          await page
            .locator('table')
            .first()
            .evaluate((table) => getComputedStyle(table).borderCollapse),
        ).toBe('collapse')
        expect(refusals.filter((text) => !text.includes('favicon'))).toEqual([])
      }
    } finally {
      await browser.close()
      server.close()
    }
    await client.cancel()
    await fleet.stop()
  },
)
