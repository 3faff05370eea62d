import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { acquainted, endPods, PodProcess } from '../../support/pod-process.ts'
import { until, WAIT_MS } from '../../support/until.ts'
import { Chromium, installed, type Tab } from './chromium.ts'
import { expectExactly, HEARTBEAT_MS, SiteFleet } from './fleet.ts'
import type { Site } from './site.ts'

const options = { heartbeatMs: HEARTBEAT_MS }

let fleet: SiteFleet
let site: Site

beforeAll(async () => {
  fleet = await SiteFleet.start('127.0.187.', { logMaxAgeMs: 8_000 }, { FRONT: 'exposingCors' })
  site = fleet.site
})

afterEach(() => fleet.reset())

afterAll(async () => {
  await site?.close()
  await endPods()
})

describe.skipIf(!installed.path)('the client in Chromium (needs chromium)', () => {
  let chromium: Chromium
  const tabs: Tab[] = []

  beforeAll(async () => {
    chromium = await Chromium.start()
  })

  afterEach(async () => {
    await chromium.setOffline(false)
    for (const tab of tabs.splice(0)) await tab.close().catch(() => {})
  })

  afterAll(() => chromium?.close())

  const open = async (settings: object, ...streams: string[]) => {
    const tab = await chromium.open(site.url)
    tabs.push(tab)
    await tab.listen({ ...options, ...settings }, ...streams)
    return tab
  }

  describe.each([
    ['that shares its connection', {}],
    ['with a connection of its own', { share: false }],
  ])('a tab %s', (_, settings) => {
    test('notices within two heartbeats that no byte arrives, and misses nothing', async () => {
      const tab = await open(settings, 'a')
      const stop = fleet.sendAll('a')
      await tab.has('a', 5)
      const requests = site.requests.length
      await tab.read(
        'client.state.subscribe((state) => { if (state !== "live") window.lostAt ??= Date.now() })',
      )
      const since = Date.now()
      site.goSilent()
      await until('another request', () => site.requests.length > requests, 3 * HEARTBEAT_MS)
      const noticedMs = (await tab.read<number>('lostAt')) - since
      console.log(`half-open connection: noticed after ${noticedMs} ms, heartbeat ${HEARTBEAT_MS} ms`)
      expect(noticedMs).toBeLessThanOrEqual(2 * HEARTBEAT_MS)
      const { a = [] } = await stop()
      await expectExactly(tab, 'a', a)
    })

    test('misses nothing while three Pods are replaced, one after the other', async () => {
      const tab = await open(settings, 'a', 'b')
      const stop = fleet.sendAll('a', 'b')
      await tab.has('a', 5)
      for (const old of [...fleet.pods]) {
        site.pods.splice(site.pods.indexOf(old), 1)
        expect(await old.kill('SIGTERM')).toBe(0)
        const next = await PodProcess.start(old.options)
        fleet.pods[fleet.pods.indexOf(old)] = next
        await acquainted(fleet.pods)
        site.pods.push(next)
      }
      const { a = [], b = [] } = await stop()
      await expectExactly(tab, 'a', a)
      await expectExactly(tab, 'b', b)
    })

    test('reports a gap where the log no longer has the events that it missed', async () => {
      const tab = await open(settings, 'a')
      await fleet.send('a')
      await tab.has('a', 1)
      site.status = 503
      site.cut()
      const position = await tab.read<string>('lastId')
      await fleet.send('a')
      const resume = `/events?${new URLSearchParams({ stream: 'a', lastEventId: position })}`
      const isTrimmed = async () => {
        const response = await fetch((fleet.pods[0] as PodProcess).url + resume)
        await response.body?.cancel()
        return response.headers.get('sser-resume') === 'gap'
      }
      await until('the log has evicted the event', isTrimmed, WAIT_MS, 500)
      const last = await fleet.send('a')
      site.status = undefined
      await tab.read('client.reconnect()')
      await until('the gap', () => tab.read('gaps.length > 0'))
      expect(await tab.read('gaps')).toEqual(['trimmed'])
      await until('the last event', async () => (await tab.seen('a')).includes(last))
    })
  })

  test('a tab that was offline comes back at once, and has missed nothing', async () => {
    const tab = await open({ share: false }, 'a')
    const stop = fleet.sendAll('a')
    await tab.has('a', 5)
    await chromium.setOffline(true)
    site.cut()
    await until('the tab is offline', () => tab.read('client.state.get() !== "live"'))
    const before = fleet.sent
    await until('100 more events are sent', () => fleet.sent > before + 100)
    await chromium.setOffline(false)
    await tab.isLive(2 * HEARTBEAT_MS)
    const { a = [] } = await stop()
    await expectExactly(tab, 'a', a)
  })

  test('a tab that wakes from the sleep of its machine asks anew at once', async () => {
    const tab = await open({ share: false }, 'a')
    const number = await fleet.send('a')
    await tab.has('a', 1)
    const requests = site.requests.length
    site.goSilent()
    await tab.read('{ const now = Date.now; Date.now = () => now() + 3_600_000 }')
    await tab.read('document.dispatchEvent(new Event("visibilitychange", { bubbles: true }))')
    await until('another request', () => site.requests.length > requests, HEARTBEAT_MS)
    await expectExactly(tab, 'a', [number, await fleet.send('a')])
  })

  test('a tab that is loaded anew with `persist` receives what came meanwhile', async () => {
    const tab = await open({ persist: true }, 'a')
    const first = await fleet.send('a')
    expect(await tab.has('a', 1)).toEqual([first])
    await tab.page.goto('about:blank')
    const meanwhile = [await fleet.send('a'), await fleet.send('a')]
    await tab.load(site.url)
    await tab.listen({ ...options, persist: true }, 'a')
    await expectExactly(tab, 'a', meanwhile)
  })

  test('resumes at another origin behind cors(), with headers of its own, and reads the headers of a refusal', async () => {
    const pod = fleet.pods[0] as PodProcess
    const tab = await open({ url: `${pod.url}/events`, user: 'one', token: 'one' }, 'a')
    const first = await fleet.send('a')
    await tab.has('a', 1)
    await pod.post('/disconnect', { stream: 'a' })
    await until('it comes back', async () => (await pod.state()).connections === 1)
    await expectExactly(tab, 'a', [first, await fleet.send('a')])
    const refusal = `fetch(${JSON.stringify(pod.url)} + '/events').then((it) => [it.status, it.headers.get('sser-error')])`
    expect(await tab.read(refusal)).toEqual([400, expect.any(String)])
  })
})
