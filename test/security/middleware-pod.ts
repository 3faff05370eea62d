// A Pod whose middleware looks a session up, which takes until the session is revoked.
import { Hono } from 'hono'
import { Sser, StaticPeerFinder } from '../../src/index.ts'

const { HOST = '', PORT = '', INTERNAL_PORT = '', FAST_PATH = 'yes' } = process.env

const sser = new Sser({
  peerFinder: new StaticPeerFinder([]),
  internalPort: Number(INTERNAL_PORT),
  logger: false,
})
let isValid = true
let waiting: (() => void)[] = []

const app = new Hono()
app.use('/events/*', async (c, next) => {
  const wasValid = isValid
  if (c.req.query('slow') !== undefined) await new Promise<void>((resolve) => waiting.push(resolve))
  return wasValid ? next() : c.text('no', 401)
})
app.route('/events', sser.routes)
app.mount('/events/mounted', sser.routes.fetch)
app.all('/events/handler', (c) => sser.handler(c.req.raw))
app.get('/waiting', (c) => c.json(waiting.length))
app.post('/revoke', async (c) => {
  isValid = false
  await sser.disconnect({ stream: 'private' })
  for (const resolve of waiting.splice(0)) resolve()
  return c.json({})
})
app.post('/restore', (c) => {
  isValid = true
  waiting = []
  return c.json({})
})
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))
app.get('/state', (c) => c.json({ connections: sser.connections, peers: sser.peers }))

const options = { sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) }
const served =
  'Bun' in globalThis
    ? await (await import('../../src/bun.ts')).serve(options)
    : await (await import('../../src/node.ts')).serve({ ...options, fastPath: FAST_PATH === 'yes' })
console.log(`listening on http://${HOST}:${served.port}`)
