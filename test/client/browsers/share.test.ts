import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { acquainted, endPods, type PodProcess, startFleet } from '../../support/pod-process.ts'
import { until } from '../../support/until.ts'
import { Chromium, installed, type Tab } from './chromium.ts'
import { Site } from './site.ts'

const SCRIPT = fileURLToPath(new URL('../../fleet/custom-pod.ts', import.meta.url))
const HEARTBEAT_MS = 2_000
const env = { OPTIONS: JSON.stringify({ retryMs: 200, heartbeatMs: HEARTBEAT_MS }) }
const options = { heartbeatMs: HEARTBEAT_MS }

describe.skipIf(!installed.path)('one connection for all tabs (needs chromium)', () => {
  let pods: PodProcess[]
  let site: Site
  let chromium: Chromium
  let sent = 0
  const tabs: Tab[] = []

  beforeAll(async () => {
    pods = await startFleet(['node', 'node', 'node'], '127.0.186.1', { script: SCRIPT, env })
    await acquainted(pods)
    site = await Site.listen('127.0.186.9', pods)
    chromium = await Chromium.start()
  }, 60_000)

  afterEach(async () => {
    for (const tab of tabs.splice(0)) await tab.close().catch(() => {})
    await until('no connection is left', () => site.open.length === 0, 15_000)
    site.requests.length = 0
    Object.assign(site, { hasWorker: true, headers: {}, guard: undefined })
  }, 30_000)

  afterAll(async () => {
    await chromium?.close()
    await site?.close()
    await endPods()
  }, 30_000)

  const connections = async () => {
    const counts = await Promise.all(pods.map(async (pod) => (await pod.state()).connections))
    return counts.reduce((sum, count) => sum + count, 0)
  }
  const open = async (settings: object, ...streams: string[]) => {
    const tab = await chromium.open(site.url)
    tabs.push(tab)
    await tab.listen({ ...options, ...settings }, ...streams)
    return tab
  }
  const send = async (stream: string) => {
    sent += 1
    const number = sent
    await (pods[number % 3] as PodProcess).send(stream, `${number}`)
    return number
  }
  /** Sends to the streams in turn until it is stopped; resolves with the numbers of each stream. */
  const sendAll = (...streams: string[]) => {
    const numbers: Record<string, number[]> = Object.fromEntries(streams.map((stream) => [stream, []]))
    let isStopped = false
    const done = (async () => {
      while (!isStopped)
        for (const stream of streams) {
          numbers[stream]?.push(await send(stream))
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
    })()
    return async () => {
      isStopped = true
      await done
      return numbers
    }
  }
  const sorted = (values: unknown[]) => (values as number[]).toSorted((one, other) => one - other)
  /** Fails unless the tab has received exactly these numbers. */
  const hasExactly = async (tab: Tab, stream: string, numbers: readonly number[]) => {
    await tab.has(stream, numbers.length)
    expect(sorted(await tab.seen(stream))).toEqual(numbers)
    expect(await tab.read('gaps')).toEqual([])
  }

  describe.each([
    ['a SharedWorker', true],
    ['a Web Lock', false],
  ])('by %s', (_, hasWorker) => {
    test('20 tabs with streams of their own have one connection', async () => {
      site.hasWorker = hasWorker
      for (let i = 0; i < 20; i += 1) await open({}, 'all', `own ${i % 10}`)
      await until('one connection', async () => (await connections()) === 1, 10_000)
      expect(site.open).toHaveLength(1)
      const all = await send('all')
      const own = await send('own 3')
      for (const [i, tab] of tabs.entries()) {
        await hasExactly(tab, 'all', [all])
        if (i % 10 === 3) await hasExactly(tab, 'own 3', [own])
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
    ])(
      'the others lose nothing when the first tab %s',
      async (what, end, maxMs) => {
        site.hasWorker = hasWorker
        const first = await open({}, 'all', 'a')
        const others = [await open({}, 'all', 'b'), await open({}, 'all', 'c')]
        const stop = sendAll('all', 'a', 'b', 'c')
        for (const tab of [first, ...others]) await tab.has('all', 5)
        const lengths = await Promise.all(others.map((tab) => tab.read<number>('seen.all.length')))
        await others[0]?.read('window.at = []; client.stream("all").on(() => at.push(Date.now()))')
        const from = Date.now()
        await end(first)
        for (const [i, tab] of others.entries()) await tab.has('all', (lengths[i] as number) + 50)
        const numbers = await stop()
        for (const [i, stream] of ['b', 'c'].entries()) {
          await hasExactly(others[i] as Tab, 'all', numbers.all as number[])
          await hasExactly(others[i] as Tab, stream, numbers[stream] as number[])
        }
        const at = (await others[0]?.read<number[]>('at')) as number[]
        const gaps = at.map((time, i) => time - (at[i - 1] ?? from))
        expect(Math.max(...gaps)).toBeLessThan(maxMs + 1_000)
        await until('one connection', () => site.open.length <= (what.includes('without') ? 2 : 1), 10_000)
      },
      90_000,
    )

    test.each<[string, (tab: Tab) => Promise<void>, (tab: Tab) => Promise<void>]>([
      ['frozen without notice', (tab) => tab.pause(), (tab) => tab.unpause()],
      ['frozen with notice', (tab) => tab.freeze(), (tab) => tab.unfreeze()],
    ])(
      'a first tab that was %s catches up',
      async (_how, freeze, unfreeze) => {
        site.hasWorker = hasWorker
        const first = await open({}, 'all', 'a')
        const other = await open({}, 'all', 'b')
        const stop = sendAll('all', 'a', 'b')
        for (const tab of [first, other]) await tab.has('all', 5)
        await freeze(first)
        const seen = await other.read<number>('seen.all.length')
        await other.has('all', seen + 150)
        await unfreeze(first)
        const again = await other.read<number>('seen.all.length')
        await other.has('all', again + 50)
        const numbers = await stop()
        await hasExactly(first, 'all', numbers.all as number[])
        await hasExactly(first, 'a', numbers.a as number[])
        await hasExactly(other, 'all', numbers.all as number[])
        await hasExactly(other, 'b', numbers.b as number[])
        await until('one connection', async () => (await connections()) === 1, 10_000)
      },
      90_000,
    )
  })
})
