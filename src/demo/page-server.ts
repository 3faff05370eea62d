import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type MiddlewareHandler } from 'hono'
import { Sser } from '../index.ts'
import type { WantedPort } from './flags.ts'
import type { Fleet } from './fleet.ts'
import { canBind, firstFree } from './plan.ts'

const HOST = '127.0.0.1'
const PAGE = fileURLToPath(new URL('./page', import.meta.url))

/** The page, the list of Pods, and the switches to kill and restart them. @throws Error if the port is in use. */
export async function servePage(
  fleet: Fleet,
  wanted: WantedPort,
): Promise<{ url: string; close: () => Promise<void> }> {
  // A fleet of one Pod: it notifies the page of a change, and the page fetches the state.
  const changes = new Sser({ retryMs: 1_000, logger: false })
  await changes.start()
  const tell = () => void changes.send('pods', 'changed').catch(() => {})
  fleet.addEventListener('change', tell)

  const app = new Hono()
  app.use(ownPageOnly)
  app.get('/pods', (c) => c.json(fleet.views()))
  app.route('/changes', changes.routes)
  app.post('/pods/:number/:action{kill|restart}', async (c) => {
    const { number, action } = c.req.param()
    const pod = fleet.pod(Number(number))
    if (pod === undefined) return c.text('There is no such Pod\n', 404)
    try {
      await (action === 'kill' ? pod.kill() : pod.restart())
    } catch (error) {
      return c.text(`${(error as Error).message}\n`, 500)
    }
    return c.json(fleet.views()[Number(number) - 1])
  })
  app.use(serveStatic({ root: PAGE, onFound: (_, c) => c.header('cache-control', 'no-cache') }))

  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const port = await firstFree(wanted, (tried) => canBind(HOST, tried))
  const boundPort = await listen(server, port)
  const close = async () => {
    fleet.removeEventListener('change', tell)
    await changes.stop()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  return { url: `http://${HOST}:${boundPort}`, close }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new Error(`${HOST}: Port ${port} is in use`) : error)
    })
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port))
  })
}

/**
 * These switches kill processes, and any web page can aim a request at a local port. A foreign page gives itself
 * away: by its origin, by the browser's headers, or, if it rebinds its own name to this address, by the host.
 */
const ownPageOnly: MiddlewareHandler = async (c, next) => {
  const { host, origin, 'sec-fetch-site': site } = c.req.header()
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? '')) return c.text('Not a host of this page\n', 403)
  const isReading = c.req.method === 'GET' || c.req.method === 'HEAD'
  const isForeign =
    (origin !== undefined && origin !== `http://${host}`) || (site !== undefined && site !== 'same-origin')
  if (!isReading && isForeign) return c.text('Only the page itself may do this\n', 403)
  return next()
}
