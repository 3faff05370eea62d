import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium as playwright } from 'playwright-core'
import { expect, it } from 'vitest'
import type { Sser } from '../../src/index.ts'
import type { DebugView } from '../../src/ops/debug.ts'
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

it('gives a browser a page that allows no script, and loads nothing', async () => {
  const fleet = await Fleet.of(1)
  const response = await fleet.pod(0).sser.opsRoutes.request('/debug/sser', PAGE)
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'nonce-[\w-]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  )
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('vary')).toBe('accept')
  const page = await response.text()
  expect(page).toContain(`<style nonce="${/nonce-([\w-]+)/.exec(policy)?.[1]}">`)
  expect(page).not.toMatch(/<script|<link|<img|https?:/)
  await fleet.stop()
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
    const response = await fleet.pod(0).sser.opsRoutes.request('/debug/sser', PAGE)
    const body = await response.text()
    // Also where nothing but the escaping stands in the way: the second time, without the policy.
    const server = createServer((request, answer) => {
      const policy = response.headers.get('content-security-policy') as string
      const guard = request.url === '/guarded' ? { 'content-security-policy': policy } : undefined
      answer.writeHead(200, { 'content-type': 'text/html', ...guard }).end(body)
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
        expect(await page.locator('script, img').count()).toBe(0)
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
