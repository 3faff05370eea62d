import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import type { Decision } from '../../src/index.ts'
import { Browser, browsers } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { SecuredFleet, type SecuredPod } from './fleet.ts'

/** A browser that starts shares two cores with other tests. */
const START_MS = 60_000
const CLOSED = 2

/** The page: it shows nothing, and reports the events of its EventSource. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script>
  let last = Promise.resolve()
  const tell = (what) => { last = last.then(() => fetch('/report', { method: 'POST', body: what })) }
  const source = new EventSource('/events?stream=a')
  source.onopen = () => tell('open')
  source.onerror = () => tell('error ' + source.readyState)
</script>`

const fleet = new SecuredFleet('127.0.74')
let browser: Browser | undefined
afterEach(async () => {
  await browser?.close()
  await fleet.stop()
})

describe.each(browsers)('an EventSource of $name', (installed) => {
  test.skipIf(installed.path === undefined)(
    'comes back when its time is up and while the hook fails, and never after it was expelled',
    async () => {
      const reports: string[] = []
      const decisions: (() => Decision)[] = [
        () => ({ expiresAt: Date.now() + 500 }),
        () => {
          throw new Error('the session store is away')
        },
        () => ({ expiresAt: Date.now() + 500 }),
        () => 'stop',
      ]
      let judged = 0
      const app = new Hono()
      const [pod] = (await fleet.start({
        retryMs: 100,
        authorize: () => (decisions[judged++] as () => Decision)(),
        serving: { fetch: (request, env) => app.fetch(request, env as object) },
      })) as [SecuredPod]
      app.get('/', (c) => c.html(PAGE))
      app.route('/events', pod.sser.routes)
      app.post('/report', async (c) => {
        reports.push(await c.req.text())
        return c.body(null, 204)
      })
      browser = await Browser.start(installed, pod.url)
      await until('it has given up', () => reports.includes(`error ${CLOSED}`))
      expect(reports).toEqual(['open', 'error 0', 'open', 'error 0', 'open', 'error 0', `error ${CLOSED}`])
      expect(judged).toBe(4)
    },
    START_MS + 10_000,
  )
})
