// A Pod to be attacked: it sends its probe an event every 20 ms, and reports its state.
import { Hono } from 'hono'
import { systemClock } from '../../src/clock.ts'
import { SserError, StaticPeerFinder } from '../../src/index.ts'
import { newSser } from '../support/settings.ts'

const EVERY_MS = 20

const { HOST = '', PORT = '', INTERNAL_PORT = '', PEERS = '', OPTIONS = '{}' } = process.env
const isBun = 'Bun' in globalThis
const { serve } = isBun ? await import('../../src/bun.ts') : await import('../../src/node.ts')
const errors: Record<string, number> = {}
/** Offset of its clock. */
let offsetMs = 0

const options = JSON.parse(OPTIONS)
const sser = newSser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  drainTimeoutMs: 0,
  flushTimeoutMs: 0,
  clock: { ...systemClock, now: () => systemClock.now() + offsetMs },
  onError: (error, { stage }) => {
    const name = error instanceof SserError ? error.code : stage
    errors[name] = (errors[name] ?? 0) + 1
  },
  ...options,
})

const app = new Hono()
app.route('/events', sser.routes)
if ('publishToken' in options) app.route('/publish', sser.publishRoutes)
app.post('/send', async (c) => {
  const { stream = '', event, key } = c.req.query()
  try {
    return c.json(await sser.send(stream, await c.req.text(), { event, idempotencyKey: key }), 202)
  } catch (error) {
    return c.json({ code: (error as SserError).code }, 400)
  }
})
app.post('/clock', (c) => {
  offsetMs += Number(c.req.query('ms'))
  return c.json({})
})
app.get('/state', async (c) => {
  const { connections, peers, position, isReady } = sser
  return c.json({ connections, peers, position, isReady, errors, heapBytes: await heapBytes() })
})

let sent = 0
setInterval(() => {
  sent += 1
  const { user, system } = process.cpuUsage()
  const cpuMs = Math.round((user + system) / 1_000)
  void sser.send(`probe of ${HOST}`, `${sent} ${Date.now()} ${cpuMs}`).catch(() => {})
}, EVERY_MS)

const { port } = await serve({ sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) })
console.log(`listening on http://${HOST}:${port}`)

async function heapBytes(): Promise<number> {
  if (isBun) {
    Bun.gc(true)
    const { heapStats } = await import('bun:jsc')
    return heapStats().heapSize
  }
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
