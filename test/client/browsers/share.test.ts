import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { endPods } from '../../support/pod-process.ts'
import { until } from '../../support/until.ts'
import { Chromium, installed, type Tab } from './chromium.ts'
import { expectExactly, HEARTBEAT_MS, SiteFleet } from './fleet.ts'
import type { Site } from './site.ts'

/** Of a busy machine; a silence that nothing announces is noticed later, after two heartbeats. */
const BUSY_MS = 2_500
const options = { heartbeatMs: HEARTBEAT_MS }

describe.skipIf(!installed.path)('one connection for all tabs (needs chromium)', () => {
  let fleet: SiteFleet
  let site: Site
  let chromium: Chromium
  const tabs: Tab[] = []

  beforeAll(async () => {
    fleet = await SiteFleet.start('127.0.186.')
    site = fleet.site
    chromium = await Chromium.start()
  })

  afterEach(async () => {
    for (const tab of tabs.splice(0)) await tab.close().catch(() => {})
    await fleet.reset()
  })

  afterAll(async () => {
    await chromium?.close()
    await site?.close()
    await endPods()
  })

  const open = async (settings: object, ...streams: string[]) => {
    const tab = await chromium.open(site.url)
    tabs.push(tab)
    await tab.listen({ ...options, ...settings }, ...streams)
    return tab
  }

  describe.each([
    ['a SharedWorker', true],
    ['a Web Lock', false],
  ])('by %s', (_, hasWorker) => {
    test('20 tabs with streams of their own have one connection', async () => {
      site.hasWorker = hasWorker
      for (let i = 0; i < 20; i += 1) await open({}, 'all', `own ${i % 10}`)
      await until('one connection', async () => (await fleet.connections()) === 1)
      expect(site.open).toHaveLength(1)
      const all = await fleet.send('all')
      const own = await fleet.send('own 3')
      for (const [i, tab] of tabs.entries()) {
        await expectExactly(tab, 'all', [all])
        if (i % 10 === 3) await expectExactly(tab, 'own 3', [own])
        expect(await tab.read('Object.keys(seen)')).toEqual(['all', `own ${i % 10}`])
      }
    }, 120_000)

    test.each<[string, (tab: Tab) => Promise<void>, number]>([
      ['closes', (tab) => tab.close(), 1_000],
      ['crashes', (tab) => tab.crash(), 1_000],
      ['is frozen without notice', (tab) => tab.pause(), 2 * HEARTBEAT_MS],
      ['is frozen with notice', (tab) => tab.freeze(), 1_000],
      ['loads anew', (tab) => tab.load(site.url), 1_000],
      ['goes to another page', async (tab) => void (await tab.page.goto('about:blank')), 1_000],
    ])('the others lose nothing when the first tab %s', async (what, end, maxMs) => {
      site.hasWorker = hasWorker
      const first = await open({}, 'all', 'a')
      const others = [await open({}, 'all', 'b'), await open({}, 'all', 'c')]
      const stop = fleet.sendAll('all', 'a', 'b', 'c')
      for (const tab of [first, ...others]) await tab.has('all', 5)
      const lengths = await Promise.all(others.map((tab) => tab.read<number>('seen.all.length')))
      for (const tab of others)
        await tab.read('window.at = []; client.stream("all").on(() => at.push(Date.now()))')
      const from = Date.now()
      await end(first)
      for (const [i, tab] of others.entries()) await tab.has('all', (lengths[i] as number) + 50)
      const numbers = await stop()
      for (const [i, stream] of ['b', 'c'].entries()) {
        await expectExactly(others[i] as Tab, 'all', numbers.all as number[])
        await expectExactly(others[i] as Tab, stream, numbers[stream] as number[])
      }
      // Of the next leader, and of a tab that must learn of it.
      const silences = await Promise.all(
        others.map(async (tab) => {
          const at = await tab.read<number[]>('at')
          return Math.max(...at.map((time, i) => time - (at[i - 1] ?? from)))
        }),
      )
      console.log(
        `${hasWorker ? 'SharedWorker' : 'Web Lock'}: the first tab ${what}: ${silences.join(' and ')} ms`,
      )
      expect(Math.max(...silences)).toBeLessThan(maxMs + BUSY_MS)
      await until('one connection', () => site.open.length <= (what.includes('without') ? 2 : 1))
    })

    test.each<[string, (tab: Tab) => Promise<void>, (tab: Tab) => Promise<void>]>([
      ['frozen without notice', (tab) => tab.pause(), (tab) => tab.unpause()],
      ['frozen with notice', (tab) => tab.freeze(), (tab) => tab.unfreeze()],
    ])('a first tab that was %s catches up', async (_how, freeze, unfreeze) => {
      site.hasWorker = hasWorker
      const first = await open({}, 'all', 'a')
      const other = await open({}, 'all', 'b')
      const stop = fleet.sendAll('all', 'a', 'b')
      for (const tab of [first, other]) await tab.has('all', 5)
      await freeze(first)
      const seen = await other.read<number>('seen.all.length')
      await other.has('all', seen + 150)
      await unfreeze(first)
      const again = await other.read<number>('seen.all.length')
      await other.has('all', again + 50)
      const numbers = await stop()
      await expectExactly(first, 'all', numbers.all as number[])
      await expectExactly(first, 'a', numbers.a as number[])
      await expectExactly(other, 'all', numbers.all as number[])
      await expectExactly(other, 'b', numbers.b as number[])
      await until('one connection', async () => (await fleet.connections()) === 1)
    })

    test('a tab comes back from the back/forward cache, and has missed nothing', async () => {
      site.hasWorker = hasWorker
      const first = await open({}, 'all', 'a')
      const other = await open({}, 'all', 'b')
      const stop = fleet.sendAll('all', 'a', 'b')
      for (const tab of [first, other]) await tab.has('all', 5)
      await first.page.goto(`${site.url}/other`)
      const seen = await other.read<number>('seen.all.length')
      await other.has('all', seen + 100)
      await first.page.goBack({ waitUntil: 'commit' })
      expect(await first.read('performance.getEntriesByType("navigation")[0].notRestoredReasons')).toBe(null)
      expect(await first.read('seen.all.length')).toBeGreaterThan(0)
      await first.isLive()
      const numbers = await stop()
      await expectExactly(first, 'all', numbers.all as number[])
      await expectExactly(first, 'a', numbers.a as number[])
      await expectExactly(other, 'all', numbers.all as number[])
    })

    test('tabs of another user, and tabs with headers and no user, have connections of their own', async () => {
      site.hasWorker = hasWorker
      await open({ user: 'one', token: 'one' }, 'a')
      await open({ user: 'one', token: 'one' }, 'b')
      await open({ user: 'two', token: 'two' }, 'a')
      await open({ token: 'three' }, 'a')
      await open({ share: false }, 'a')
      await until('four connections', () => site.open.length === 4)
      expect(site.open.map(({ authorization }) => authorization).sort()).toEqual([
        'one',
        'three',
        'two',
        undefined,
      ])
    })

    test('tabs of one user with and without headers have connections of their own', async () => {
      site.hasWorker = hasWorker
      await open({ user: 'one' }, 'a')
      await open({ user: 'one', token: 'one' }, 'a')
      await open({ user: 'one', token: 'one' }, 'a')
      await open({ user: 'one' }, 'a')
      await until('two connections', () => site.open.length === 2)
      expect(site.open.map(({ authorization }) => authorization).sort()).toEqual(['one', undefined])
    })

    test('a token that expires is replaced by that of a tab, and nothing is missed', async () => {
      site.hasWorker = hasWorker
      const one = await open({ user: 'one', token: 'old' }, 'a')
      const other = await open({ user: 'one', token: 'old' }, 'a')
      const stop = fleet.sendAll('a')
      await one.has('a', 5)
      site.guard = (authorization) => (authorization === 'old' ? 401 : undefined)
      site.cut()
      await until('a request with the new token', () =>
        site.open.some((asked) => asked.authorization === 'new'),
      )
      const { a = [] } = await stop()
      for (const tab of [one, other]) await expectExactly(tab, 'a', a)
    })

    test('a tab whose stream is refused does not end the connection of the others', async () => {
      site.hasWorker = hasWorker
      const one = await open({}, 'a')
      const stop = fleet.sendAll('a')
      await one.has('a', 5)
      site.guard = (_authorization, url) => (url.includes('forbidden') ? 403 : undefined)
      const other = await chromium.open(site.url)
      tabs.push(other)
      await other.read('open({}, ["a", "forbidden"])')
      await until('the other tab stops', () => other.read('client.state.get() === "stopped"'))
      await one.isLive()
      const { a = [] } = await stop()
      await expectExactly(one, 'a', a)
    })
  })
})
