// A Pod like the example's, with more settings from the environment.
import { Hono, type MiddlewareHandler } from 'hono'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { logger } from 'hono/logger'
import { secureHeaders } from 'hono/secure-headers'
import { streamSSE } from 'hono/streaming'
import { systemClock } from '../../src/clock.ts'
import { StaticPeerFinder } from '../../src/index.ts'
import { newSser } from '../support/settings.ts'

const { HOST = '', PORT = '', INTERNAL_PORT = '', PEERS = '', OPTIONS = '{}', FRONT = '', TLS } = process.env
const { SERVE = '{}', AFTER_STOP = '', CLOCK_RATE = '1' } = process.env
const { serve } = 'Bun' in globalThis ? await import('../../src/bun.ts') : await import('../../src/node.ts')

const middleware: Record<string, () => MiddlewareHandler> = {
  cors: () => cors(),
  exposingCors: () => cors({ origin: '*', exposeHeaders: ['Sser-Error', 'Sser-Resume', 'Retry-After'] }),
  logger: () => logger(() => {}),
  compress: () => compress(),
  secureHeaders: () => secureHeaders(),
}

const sser = newSser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  logger: false,
  // Receipts tell what a peer did, however late a busy machine lets it answer.
  ackTimeoutMs: 15_000,
  // Below 1 a time that is measured passes more slowly, so that a busy machine does not exceed it; timers are unchanged.
  clock: { ...systemClock, now: () => systemClock.now() * Number(CLOCK_RATE) },
  ...JSON.parse(OPTIONS),
})

const app = new Hono()
for (const name of FRONT.split(',')) if (name !== '') app.use(middleware[name]?.() as MiddlewareHandler)
app.route('/events', sser.routes)
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))
app.post('/disconnect', async (c) => c.json(await sser.disconnect(await c.req.json()), 202))
app.get('/state', (c) => c.json({ connections: sser.connections, peers: sser.peers }))
const released = new Promise<void>((resolve) => process.once('SIGUSR2', () => resolve()))
app.post('/held', async (c) => {
  await released
  return c.json(await sser.send('held', await c.req.text()), 201)
})
app.get('/held-stream', (c) =>
  streamSSE(c, async (stream) => {
    await stream.writeSSE({ data: 'first' })
    await released
    await stream.writeSSE({ data: 'last' })
  }),
)
app.post('/stop', (c) => {
  const start = performance.now()
  setTimeout(async () => {
    await served.stop()
    console.log(`stopped after ${Math.round(performance.now() - start)} ms`)
  })
  return c.body(null, 204)
})

const hostname = HOST.replace(/[[\]]/g, '')
const internalTls = TLS === undefined ? undefined : JSON.parse(TLS)
const own = JSON.parse(SERVE)
const served = await serve({ sser, fetch: app.fetch, hostname, port: Number(PORT), internalTls, ...own })
// As a pool of connections that the app never closes.
if (AFTER_STOP === 'timer') setInterval(() => {}, 60_000)
if (AFTER_STOP === 'held') {
  // As an app that closes its database.
  process.once('SIGTERM', async () => {
    const timer = setInterval(() => {}, 60_000)
    await served.stop()
    console.log('stopped')
    await released
    clearInterval(timer)
  })
}
console.log(`listening on http://${HOST}:${served.port} internally ${served.internalPort}`)
