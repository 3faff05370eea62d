import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { linkedExample, removeExamples } from '../../support/linked-example.ts'
import { endPods, PodProcess } from '../../support/pod-process.ts'
import { until, WAIT_MS } from '../../support/until.ts'
import { Chromium, installed, type Tab } from './chromium.ts'
import { Site } from './site.ts'

const HOSTS = ['127.0.188.1', '127.0.188.2', '127.0.188.3']
/** Rows of the table, as the page shows them. */
const ROWS =
  '[...document.querySelectorAll("#orders tr")].map((row) => [...row.cells].map((cell) => cell.textContent))'

describe.skipIf(!installed.path)('the dashboard of the example (needs chromium)', () => {
  let folder: string
  let script: string
  let pods: PodProcess[]
  let site: Site
  let chromium: Chromium

  const start = (host: string) =>
    PodProcess.start({
      runtime: 'node',
      host,
      script,
      peers: HOSTS.map((each) => `${each}:7110`),
      env: { DB: join(folder, 'orders.db') },
    })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sser-dashboard-'))
    script = await linkedExample('dashboard/server.ts', 'page.html')
    pods = []
    for (const host of HOSTS) pods.push(await start(host))
    site = await Site.listen('127.0.188.9', pods)
    site.forwardsAll = true
    chromium = await Chromium.start()
  })

  afterAll(async () => {
    await chromium?.close()
    await site?.close()
    await endPods()
    removeExamples()
    await rm(folder, { recursive: true, force: true })
  })

  test('two tabs show each row once, and as the database has it, after kills, a drain and a reload', async () => {
    const open = async () => {
      const page = await chromium.page(site.url)
      await until('the page is live', async () => (await page.read('state.value')) === 'live')
      return page
    }
    const tabs: Tab[] = [await open()]
    let writes = 0
    let isStopped = false
    let isPaused: Promise<void> | undefined
    let current: Promise<void> | undefined
    const write = async () => {
      const pod = site.pods[writes % site.pods.length] as PodProcess
      writes += 1
      const isNew = writes < 20 || writes % 3 === 0
      const path = isNew ? '/orders' : `/orders/${1 + (writes % 15)}/status`
      const response = await fetch(pod.url + path, {
        method: isNew ? 'POST' : 'PUT',
        body: `write ${writes}`,
      })
      expect(response.ok).toBe(true)
    }
    const writing = (async () => {
      while (!isStopped) {
        await isPaused
        current = write()
        await current
      }
    })()
    /** Ends a Pod between two writes, because the death of a Pod between commit and send needs an outbox. */
    const replace = async (signal: NodeJS.Signals) => {
      const old = site.pods.shift() as PodProcess
      const { promise, resolve } = Promise.withResolvers<void>()
      isPaused = promise
      await current
      const ended = old.kill(signal)
      resolve()
      isPaused = undefined
      await ended
      site.pods.push(await start(old.options.host))
    }
    tabs.push(await open())
    await until('writes', () => writes > 50)
    await replace('SIGKILL')
    await (tabs[0] as Tab).page.reload()
    await replace('SIGTERM')
    await replace('SIGKILL')
    const count = writes
    await until('more writes', () => writes > count + 50)
    isStopped = true
    await writing
    const db = new DatabaseSync(join(folder, 'orders.db'))
    const rows = db.prepare('SELECT id, text, status FROM orders ORDER BY id').all()
    db.close()
    const wanted = rows.map(({ id, text, status }) => [String(id), text, status])
    for (const tab of tabs) {
      const isCurrent = async () => JSON.stringify(await tab.read(ROWS)) === JSON.stringify(wanted)
      await until('the table is that of the database', isCurrent, WAIT_MS, 100).catch(() => {})
      expect(await tab.read(ROWS)).toEqual(wanted)
    }
    expect(site.open).toHaveLength(1)
  }, 120_000)
})
