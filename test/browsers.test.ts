import type { Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import { TcpServer } from './fleet/proxy.ts'
import { Browser, browsers } from './support/browser.ts'
import { acquainted, endPods, type PodProcess, startFleet } from './support/pod-process.ts'
import { RawClient } from './support/stream-client.ts'
import { until, within } from './support/until.ts'

const SCRIPT = fileURLToPath(new URL('./fleet/custom-pod.ts', import.meta.url))
const env = {
  FRONT: 'cors',
  OPTIONS: JSON.stringify({ retryMs: 100, heartbeatMs: 1_000, maxConnections: 1 }),
}
/** The wait of a client that a limit refuses, which no test should spend. */
const LONG_RETRY = /\nretry: (\d{4,5})\n/
const RETURN_MS = 60_000
const PAGE_PORT = 8190
const FIRST_HOST = { chromium: 1, firefox: 11 }

/** A report of the page: an event of its EventSource. */
interface Report {
  type: 'open' | 'error' | 'message' | 'sser-position' | 'sser-gap'
  data?: string
  id?: string
}

/** The page: it shows nothing and reports the events of its EventSource, in order. */
const pageFor = (url: string) => `<!doctype html><link rel="icon" href="data:,"><script>
  let last = Promise.resolve()
  const source = new EventSource(${JSON.stringify(url)})
  for (const type of ['open', 'error', 'message', 'sser-position', 'sser-gap']) {
    source.addEventListener(type, ({ data, lastEventId: id }) => {
      const body = JSON.stringify({ type, data, id })
      last = last.then(() => fetch('/report', { method: 'POST', body }))
    })
  }
</script>`

const closes: (() => unknown)[] = []

afterEach(async () => {
  const results: PromiseSettledResult<unknown>[] = []
  for (const close of closes.splice(0).reverse()) results.push(...(await Promise.allSettled([close()])))
  await endPods()
  for (const result of results) if (result.status === 'rejected') throw result.reason
})

/** Serves the page; returns its reports. */
async function servePage(host: string, url: string): Promise<Report[]> {
  const reports: Report[] = []
  const app = new Hono()
  app.get('/', (c) => c.html(pageFor(url)))
  app.post('/report', async (c) => {
    reports.push(await c.req.json())
    return c.body(null, 204)
  })
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(PAGE_PORT, host, resolve)
  })
  closes.push(() => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    return within('the page server closes', closed)
  })
  return reports
}

/** The wire between the browser and whichever Pod it leads to. */
class Relay {
  /** The long waits that the Pods named, in milliseconds. The browser is told 100. */
  readonly refusedRetries: number[] = []
  readonly requests: { pod: PodProcess; lastEventId: string | undefined }[] = []
  /** A connection that comes while this is pending waits. */
  target: Promise<PodProcess>
  #server: TcpServer | undefined

  private constructor(pod: PodProcess) {
    this.target = Promise.resolve(pod)
  }

  static async listen(host: string, pod: PodProcess): Promise<Relay> {
    const relay = new Relay(pod)
    const server = await TcpServer.listen(host, 8110, (socket) => void relay.#lead(socket))
    relay.#server = server
    closes.push(() => server.cut())
    return relay
  }

  /** Resets open connections. */
  cut(): void {
    for (const socket of this.#server?.sockets ?? []) socket.resetAndDestroy()
  }

  async #lead(socket: Socket): Promise<void> {
    const pod = await this.target
    if (socket.destroyed) return
    const onward = connect({ host: pod.options.host, port: 8110 })
    onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.on('close', () => onward.destroy())
    // Browsers also open connections on which they ask for nothing.
    socket.once('data', (head) => {
      this.requests.push({ pod, lastEventId: /\r\nlast-event-id: (\S+)/i.exec(head.toString())?.[1] })
    })
    socket.pipe(onward)
    onward.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1')
      const ms = LONG_RETRY.exec(text)?.[1]
      if (ms !== undefined) this.refusedRetries.push(Number(ms))
      // As many digits, because the response has a Content-Length.
      socket.write(
        text.replace(LONG_RETRY, (line) => line.replace(/\d+/, '100'.padStart(ms?.length ?? 0, '0'))),
        'latin1',
      )
    })
    onward.on('end', () => socket.end())
  }
}

describe.each(browsers)('the EventSource of $name', (installed) => {
  const { name, path } = installed
  const host = (i: number) => `127.0.95.${FIRST_HOST[name] + i}`

  async function open() {
    const [a, b] = (await startFleet(['node', 'node'], host(0), { script: SCRIPT, env })) as [
      PodProcess,
      PodProcess,
    ]
    await acquainted([a, b])
    const relay = await Relay.listen(host(8), a)
    const reports = await servePage(host(9), `http://${host(8)}:8110/events?stream=quiet`)
    const browser = await Browser.start(installed, `http://${host(9)}:${PAGE_PORT}/`)
    closes.push(() => browser.close())
    const isGreeted = () => reports.some(({ type }) => type === 'sser-position')
    await until(`${name} is greeted by A`, isGreeted)
    const of = (type: Report['type']) => reports.filter((report) => report.type === type)
    /** The id with which the browser was left when its connection first broke. */
    const idAtError = () => {
      const error = reports.findIndex(({ type }) => type === 'error')
      return reports.slice(0, error).findLast(({ id }) => id !== undefined && id !== '')?.id
    }
    return { a, b, relay, reports, of, idAtError }
  }

  describe.skipIf(!path)(`in a browser (needs ${name})`, () => {
    test('loses nothing and repeats nothing when its Pod is killed', async () => {
      const { a, b, relay, of, idAtError } = await open()
      const sent: string[] = []
      const send = (pod: PodProcess) => {
        sent.push(`event ${sent.length}`)
        return pod.send('quiet', sent.at(-1) as string)
      }
      for (let i = 0; i < 20; i++) {
        expect((await send(i % 2 === 0 ? a : b)).peers).toMatchObject([{ status: 'delivered' }])
      }
      await until('some arrived from A', () => of('message').length >= 10, RETURN_MS)

      const { promise, resolve: leadTo } = Promise.withResolvers<PodProcess>()
      relay.target = promise
      await a.kill()
      for (let i = 0; i < 20; i++) await send(b)
      expect(relay.requests.map(({ pod }) => pod)).toEqual([a])
      leadTo(b)
      await until(`${name} comes to B`, () => relay.requests.some(({ pod }) => pod === b), RETURN_MS)
      for (let i = 0; i < 20; i++) await send(b)
      await until('all arrived', () => of('message').length >= sent.length, RETURN_MS)
      // By now a duplicate would have arrived.
      const positions = of('sser-position').length
      await until('B beats', () => of('sser-position').length > positions + 1, RETURN_MS)

      // In each Pod's order; A's and B's may be mixed otherwise than they were sent.
      const order = (x: Report, y: Report) => Number(x.data?.slice(6)) - Number(y.data?.slice(6))
      expect(
        of('message')
          .sort(order)
          .map(({ data }) => data),
      ).toEqual(sent)
      expect(of('sser-gap')).toEqual([])
      expect(relay.requests).toEqual([
        { pod: a, lastEventId: undefined },
        { pod: b, lastEventId: idAtError() },
      ])
      expect(idAtError()).toMatch(/^\w+(\.\w+)*-\w{3}$/)
    })

    test('moves its id with the heartbeat, and keeps it when a limit refuses its return', async () => {
      const { a, b, relay, of, idAtError } = await open()
      const greeting = of('sser-position')[0]?.id
      await a.send('overloaded', 'not for this page')
      await b.send('overloaded', 'not for this page either')
      const beats = of('sser-position').length
      const hasMoved = () => of('sser-position').length > beats + 1
      await until('heartbeats with a later position', hasMoved, RETURN_MS)
      const other = await RawClient.events(b.url, ['quiet'])
      closes.push(() => other.socket.destroy())
      await other.holds('its greeting', (text) => text.includes('sser-position'))
      relay.target = Promise.resolve(b)
      relay.cut()
      await until(`B refuses ${name} more than once`, () => relay.refusedRetries.length > 1, RETURN_MS)
      for (const ms of relay.refusedRetries) expect(ms).toBeGreaterThanOrEqual(5_000)
      const positions = of('sser-position').length
      other.socket.destroy()
      await until(`B takes ${name}`, () => of('sser-position').length > positions, RETURN_MS)
      expect(new Set(relay.requests.slice(1).map(({ lastEventId }) => lastEventId)).size).toBe(1)
      await until(`${name} says that it lost A`, () => of('error').length > 0, RETURN_MS)
      expect(relay.requests[1]).toEqual({ pod: b, lastEventId: idAtError() })
      expect(idAtError()).toBeTypeOf('string')
      expect(idAtError()).not.toBe(greeting)
      await b.send('quiet', 'for this page')
      await until('B serves it', () => of('message').length > 0, RETURN_MS)
      expect(of('message').map(({ data }) => data)).toEqual(['for this page'])
      expect(of('sser-gap')).toEqual([])
    })
  })
})
