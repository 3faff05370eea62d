import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { browsers } from '../../support/browser.ts'
import { openPage, type Page } from '../../support/page.ts'
import { endPods, type PodProcess } from '../../support/pod-process.ts'
import { until } from '../../support/until.ts'
import { webkit } from '../../support/webkit.ts'
import { HEARTBEAT_MS, SiteFleet } from './fleet.ts'
import type { Site } from './site.ts'

const options = { heartbeatMs: HEARTBEAT_MS }
const script = fileURLToPath(new URL('../../fleet/run-pod.ts', import.meta.url))

let fleet: SiteFleet
let site: Site

beforeAll(async () => {
  fleet = await SiteFleet.start('127.5.1.', {}, {}, script)
  site = fleet.site
})

afterAll(async () => {
  await site?.close()
  await endPods()
})

/** A frame with the client, in a page that stays open. */
class Frame {
  readonly #page: Page
  readonly #id: string

  private constructor(page: Page, id: string) {
    this.#page = page
    this.#id = id
  }

  static async open(page: Page, id: string): Promise<Frame> {
    const fields = JSON.stringify({ id, src: '/' })
    await page.read(`document.body.append(Object.assign(document.createElement('iframe'), ${fields}))`)
    const frame = new Frame(page, id)
    await until('the frame has the client', () =>
      frame.read<boolean>('window.isReady === true').catch(() => false),
    )
    return frame
  }

  read<T>(expression: string): Promise<T> {
    const frame = `document.getElementById(${JSON.stringify(this.#id)})`
    return this.#page.read(`${frame}.contentWindow.eval(${JSON.stringify(expression)})`)
  }

  async listen(settings: object, ...streams: string[]): Promise<void> {
    await this.read(`void open(${JSON.stringify({ ...options, ...settings })}, ${JSON.stringify(streams)})`)
    await until('it is live', () => this.read('client.state.get() === "live"'))
  }

  has(stream: string, count: number): Promise<void> {
    return until(`${count} events of ${stream}`, () => this.read(`seen.${stream}.length >= ${count}`))
  }

  /** Fails unless it has received exactly these numbers, and no gap. */
  async expectExactly(stream: string, numbers: readonly number[]): Promise<void> {
    await until('the last event', () => this.read(`seen.${stream}.includes(${numbers.at(-1)})`))
    const seen = await this.read<number[]>(`seen.${stream}`)
    expect(seen.toSorted((one, other) => one - other)).toEqual(numbers)
    expect(await this.read('gaps')).toEqual([])
  }

  async remove(): Promise<void> {
    await this.#page.read(`document.getElementById(${JSON.stringify(this.#id)})?.remove()`)
  }
}

describe.each([...browsers, webkit])('in $name', (browser) => {
  describe.skipIf(!browser.path)(`a page (needs ${browser.name})`, () => {
    const frames: Frame[] = []
    let page: Page
    let opened = 0

    beforeAll(async () => {
      page = await openPage(browser, `${site.url}/other`)
    })

    afterEach(async () => {
      for (const frame of frames.splice(0)) await frame.remove()
      await fleet.reset()
    })

    afterAll(() => page?.close())

    const open = async () => {
      opened += 1
      const frame = await Frame.open(page, `frame${opened}`)
      frames.push(frame)
      return frame
    }

    test.each([
      ['a SharedWorker', true],
      ['a Web Lock', false],
    ])(
      'three frames share a connection by %s, and lose nothing when the first one is removed',
      async (_, hasWorker) => {
        site.hasWorker = hasWorker
        const [first, second, third] = [await open(), await open(), await open()]
        await first.listen({}, 'all', 'a')
        await second.listen({}, 'all', 'b')
        await third.listen({}, 'all', 'c')
        await until('one connection', async () => (await fleet.connections()) === 1)
        const stop = fleet.sendAll('all', 'a', 'b', 'c')
        await second.has('all', 5)
        await first.remove()
        await second.has('all', 55)
        const { all = [], b = [], c = [] } = await stop()
        await second.expectExactly('all', all)
        await second.expectExactly('b', b)
        await third.expectExactly('all', all)
        await third.expectExactly('c', c)
      },
    )

    test('the client notices a silent connection within two heartbeats, and misses nothing', async () => {
      const frame = await open()
      await frame.listen({ share: false }, 'a')
      const stop = fleet.sendAll('a')
      await frame.has('a', 5)
      await frame.read(
        'void client.state.subscribe((state) => { if (state !== "live") window.lostAt ??= Date.now() })',
      )
      const requests = site.requests.length
      const since = Date.now()
      site.goSilent()
      await until('another request', () => site.requests.length > requests, 3 * HEARTBEAT_MS)
      expect((await frame.read<number>('lostAt')) - since).toBeLessThanOrEqual(2 * HEARTBEAT_MS)
      const { a = [] } = await stop()
      await frame.expectExactly('a', a)
    })

    test('the client resumes on another Pod after each cut, with a token that it has renewed', async () => {
      const frame = await open()
      await frame.read('sessionStorage.removeItem("token")')
      await frame.listen({ share: false, token: 'old' }, 'a')
      const stop = fleet.sendAll('a')
      await frame.has('a', 5)
      for (let cuts = 1; cuts <= 4; cuts += 1) {
        if (cuts === 2) site.guard = (authorization) => (authorization === 'old' ? 401 : undefined)
        const count = await frame.read<number>('seen.a.length')
        site.cut()
        await frame.has('a', count + 20)
      }
      const { a = [] } = await stop()
      await frame.expectExactly('a', a)
      expect(site.open.map(({ authorization }) => authorization)).toEqual(['new'])
    })

    test.each([
      [
        'the client',
        `void (async () => {
          window.client = connect('/events')
          for await (const text of client.run(name)) texts.push(text)
          ended.push('ended')
        })()`,
      ],
      [
        'an EventSource',
        `{
          const source = new EventSource('/events?run=' + name)
          source.onmessage = ({ data }) => void texts.push(data)
          source.addEventListener('sser-end', ({ data }) => void ended.push(JSON.parse(data).state))
          source.onerror = () => { if (source.readyState === 2) void ended.push('closed') }
        }`,
      ],
    ])('%s reads a run on three Pods, over a cut on each one, to its end', async (what, start) => {
      const [pod] = fleet.pods as [PodProcess]
      const name = `${browser.name} ${what}`
      const path = (verb: string) => `/${verb}/${encodeURIComponent(name)}`
      await pod.post(path('start'), {})
      const frame = await open()
      await frame.read(`Object.assign(window, { name: ${JSON.stringify(name)}, texts: [], ended: [] }), null`)
      await frame.read(start)
      const texts: string[] = []
      for (let cuts = 0; cuts <= 3; cuts += 1) {
        if (cuts > 0) site.cut()
        const chunks = Array.from({ length: 20 }, (_, i) => `chunk ${cuts}.${i}`)
        texts.push(...chunks)
        await pod.post(path('write'), chunks)
        await until('its chunks', () => frame.read(`texts.length >= ${texts.length}`))
      }
      await pod.post(path('end'), {})
      const last = what === 'the client' ? ['ended'] : ['ended', 'closed']
      await until('the end', () => frame.read(`ended.length >= ${last.length}`))
      expect(await frame.read('texts')).toEqual(texts)
      expect(await frame.read('ended')).toEqual(last)
      expect(site.requests).toHaveLength(what === 'the client' ? 4 : 5)
    })
  })
})
