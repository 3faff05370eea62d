import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import { StaticPeerFinder } from '../src/discovery/static.ts'
import { serve } from '../src/node.ts'
import { Sser } from '../src/sser.ts'
import { Browser, browsers } from './support/browser.ts'
import { until } from './support/until.ts'

const chromium = browsers.find(({ name }) => name === 'chromium')

/** Passes every request on, but for those of which `leave` says that the browser makes them itself. */
const workerThat = (leave: string) => `
  oninstall = () => skipWaiting()
  onactivate = (event) => event.waitUntil(clients.claim())
  onfetch = (event) => {
    ${leave}
    event.respondWith(fetch(event.request))
  }`

/** Reports each event of its EventSource, once the worker is in charge. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="module">
  const inCharge = new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve))
  await navigator.serviceWorker.register('/worker.js')
  if (navigator.serviceWorker.controller === null) await inCharge
  const source = new EventSource('/events?stream=a')
  for (const type of ['message', 'sser-position', 'sser-gap']) {
    source.addEventListener(type, ({ data }) => fetch('/report', { method: 'POST', body: type + ' ' + data }))
  }
</script>`

const closes: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close()
})

/** Reports of a page whose connection ends, with an event sent while the client is away. */
async function told(leave: string): Promise<{ reports: string[]; ids: (string | undefined)[] }> {
  const sser = new Sser({
    peerFinder: new StaticPeerFinder([]),
    internalPort: 0,
    logger: false,
    retryMs: 500,
    heartbeatMs: 60_000,
  })
  const reports: string[] = []
  const ids: (string | undefined)[] = []
  const app = new Hono()
  app.use('/events', (c, next) => {
    ids.push(c.req.header('last-event-id'))
    return next()
  })
  app.route('/events', sser.routes)
  app.get('/', (c) => c.html(PAGE))
  app.get('/worker.js', (c) => c.body(workerThat(leave), 200, { 'content-type': 'text/javascript' }))
  app.post('/report', async (c) => {
    reports.push(await c.req.text())
    return c.body(null, 204)
  })
  const served = await serve({ sser, fetch: app.fetch, hostname: '127.0.0.1', port: 0 })
  closes.push(() => served.stop())
  const browser = await Browser.start(
    chromium as NonNullable<typeof chromium>,
    `http://127.0.0.1:${served.port}/`,
  )
  closes.push(() => browser.close())
  await until('the page is greeted', () => reports.length === 1)
  await sser.disconnect({ stream: 'a' })
  await sser.send('a', 'sent while it is away')
  await until('the client is back', () => ids.length === 2 && sser.connections === 1)
  await sser.send('a', 'sent when it is back')
  const isLast = (report: string) => report === 'message sent when it is back'
  await until('the page has the last event', () => reports.some(isLast))
  return { reports, ids }
}

describe.skipIf(!chromium?.path)('a service worker (needs chromium)', () => {
  test('that leaves event streams to the browser costs no event', async () => {
    const { reports, ids } = await told(
      "if (event.request.headers.get('accept') === 'text/event-stream') return",
    )
    expect(ids[1]).toBeDefined()
    expect(reports.toSorted()).toEqual([
      'message sent when it is back',
      'message sent while it is away',
      'sser-position {"resumed":false,"heartbeatMs":60000}',
      'sser-position {"resumed":true,"heartbeatMs":60000}',
    ])
  })

  test('that passes event streams on loses the id, of which the first block tells the page', async () => {
    const { reports, ids } = await told('')
    expect(ids).toEqual([undefined, undefined])
    expect(reports.toSorted()).toEqual([
      'message sent when it is back',
      'sser-position {"resumed":false,"heartbeatMs":60000}',
      'sser-position {"resumed":false,"heartbeatMs":60000}',
    ])
  })
})
