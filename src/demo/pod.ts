// One Pod of the demo.
import './with-parent.ts'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { Sser, StaticPeerFinder } from '../index.ts'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const { LOG_MAX_AGE_MS = '120000', HEARTBEAT_MS = '15000', PEER_SECRET } = process.env
const { serve } = 'Bun' in globalThis ? await import('../bun.ts') : await import('../node.ts')

const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  peerSecret: PEER_SECRET,
  // Every program of this machine may send.
  publishToken: false,
  logMaxAgeMs: Number(LOG_MAX_AGE_MS),
  heartbeatMs: Number(HEARTBEAT_MS),
  // The user kills Pods in this demo, and the page shows the effect.
  logger: false,
})

const app = new Hono()
// The page comes from another port of this machine. Any other page could send as well: a POST needs no CORS to arrive.
const isOfThisMachine = (origin: string) => /^http:\/\/(?:localhost|127\.0\.0\.\d+)(?::\d+)?$/.test(origin)
app.use(cors({ origin: (origin) => (isOfThisMachine(origin) ? origin : null) }))
app.use('/send', async (c, next) => {
  const origin = c.req.header('origin')
  if (origin !== undefined && !isOfThisMachine(origin))
    return c.text('Only pages of this machine may send\n', 403)
  return next()
})
app.route('/events', sser.routes)
app.route('/publish', sser.publishRoutes)
app.post('/send', async (c) => {
  const { stream = '', event } = c.req.query()
  return c.json(await sser.send(stream, await c.req.text(), { event }), 202)
})

const { port } = await serve({ sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) })
console.log(`listening on http://${HOST}:${port}`)
