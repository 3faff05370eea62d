import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { median } from '../../../bench/harness/table.ts'
import { LocalhostPeerFinder, Sser } from '../../../src/index.ts'
import { serve } from '../../../src/node.ts'
import type { PodProcess } from '../../support/pod-process.ts'
import { until } from '../../support/until.ts'
import { Chromium, installed, type Tab } from './chromium.ts'
import { Site } from './site.ts'

const ROUNDS = 5
const START_MS = 60_000
/** What an open connection and a worker that start cost must not count. */
const SETTLE_MS = 300
/** The aim is 1.5; the rest is for a machine whose other processes change the cost of a wake-up. */
const MAX_RATIO = 2
const ORDER = { item: 'espresso', guests: ['Ada', 'Grace', 'Edsger'], at: 1_700_000_000_000, price: 4.5 }

const NATIVE = 'an EventSource with JSON.parse'
const CLIENTS: Readonly<Record<string, string>> = {
  [NATIVE]: `
    const source = new EventSource('/events?stream=orders')
    source.onmessage = ({ data }) => take(JSON.parse(data))
    window.end = () => source.close()`,
  'the client with a connection of its own': `
    const client = connect('/events', { share: false })
    client.stream('orders').on(take)
    window.end = () => client.close()`,
  'the client that shares its connection': `
    const client = connect('/events')
    client.stream('orders').on(take)
    window.end = () => client.close()`,
}

describe.skipIf(!installed.path)('the CPU time of a page for an event (needs chromium)', () => {
  const sser = new Sser({ peerFinder: new LocalhostPeerFinder(), internalPort: 0, logger: false })
  const closers: (() => Promise<unknown>)[] = []
  let site: Site
  let chromium: Chromium
  let tab: Tab

  beforeAll(async () => {
    const fetch = (request: Request) => sser.handler(request)
    const served = await serve({ sser, fetch, hostname: '127.5.2.1', port: 8110 })
    closers.push(() => served.stop())
    site = await Site.listen('127.5.2.9', [{ url: 'http://127.5.2.1:8110' } as PodProcess])
    closers.push(() => site.close())
    chromium = await Chromium.start()
    closers.push(() => chromium.close())
    tab = await chromium.open(site.url)
  })

  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  /** Microseconds for an event, in the page and its worker. */
  const measure = async (start: string, events: number, eventsPerTurn: number) => {
    await tab.load(site.url)
    await tab.read(`{ window.count = 0; window.take = ({ n }) => { if (n === count) count += 1 }; ${start} }`)
    await until('it is connected', () => sser.connections === 1)
    await tab.read(`new Promise((resolve) => setTimeout(resolve, ${SETTLE_MS}))`)
    const fromMs = await chromium.rendererCpuMs()
    for (let n = 0; n < events; n += 1) {
      sser.send('orders', JSON.stringify({ n, ...ORDER })).catch(() => {})
      if ((n + 1) % eventsPerTurn === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await until('all events', () => tab.read(`count === ${events}`), START_MS, 200)
    const ms = (await chromium.rendererCpuMs()) - fromMs
    await tab.read('end()')
    await until('it is gone', () => sser.connections === 0)
    return (1_000 * ms) / events
  }

  test.each([
    ['one event at a time', 1_000, 1],
    ['50 events at a time', 5_000, 50],
  ])(
    'is at most twice that of an EventSource, with %s',
    async (what, events, eventsPerTurn) => {
      const measured = new Map(Object.keys(CLIENTS).map((name) => [name, [] as number[]]))
      for (let round = 0; round <= ROUNDS; round += 1) {
        for (const [name, start] of Object.entries(CLIENTS)) {
          const micros = await measure(start, events, eventsPerTurn)
          // The first round compiles.
          if (round > 0) measured.get(name)?.push(micros)
        }
      }
      const native = median(measured.get(NATIVE) ?? [])
      for (const [name, micros] of measured) {
        const ratio = median(micros) / native
        console.log(`${what}: ${name}: ${median(micros).toFixed(0)} µs an event, ${ratio.toFixed(2)} to 1`)
        expect(ratio).toBeLessThan(MAX_RATIO)
      }
    },
    300_000,
  )
})
