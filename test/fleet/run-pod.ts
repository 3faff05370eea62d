// A Pod whose runs are written by requests, and read at the public endpoint and at a route of the app.
import { Hono } from 'hono'
import { type Run, Sser, StaticPeerFinder } from '../../src/index.ts'
import { numbers } from '../support/numbers.ts'

const {
  HOST = '',
  PORT = '',
  INTERNAL_PORT = '',
  PEERS = '',
  FAST_PATH = 'yes',
  OPTIONS = '{}',
} = process.env

const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',').filter(Boolean)),
  internalPort: Number(INTERNAL_PORT),
  logger: false,
  ...JSON.parse(OPTIONS),
})
const runs = new Map<string, Run>()

const app = new Hono()
app.route('/events', sser.routes)
app.all('/plain/:name', (c) =>
  sser.runResponse(c.req.param('name'), c.req.raw, {
    dialect: 'plain',
    env: c.env,
    headers: { 'x-stream': 'v1' },
  }),
)
app.post('/start/:name', async (c) => {
  const name = c.req.param('name')
  const run = await sser.startRun(name)
  runs.set(name, run)
  return c.json({ id: run.id })
})
app.post('/generate/:name', async (c) => {
  const { count, everyMs } = await c.req.json<{ count: number; everyMs: number }>()
  const { id } = await sser.startRun(c.req.param('name'), { from: numbers(count, everyMs) })
  return c.json({ id })
})
app.post('/write/:name', async (c) => {
  for (const chunk of await c.req.json<string[]>()) runs.get(c.req.param('name'))?.write(chunk)
  return c.json({})
})
app.post('/flush/:name', async (c) => c.json({ held: await runs.get(c.req.param('name'))?.flush() }))
app.post('/cancel/:name', async (c) => c.json(await sser.cancelRun(c.req.param('name'))))
app.post('/end/:name', (c) => {
  runs.get(c.req.param('name'))?.end()
  return c.json({})
})
app.post('/fail/:name', (c) => {
  runs.get(c.req.param('name'))?.fail('out of tokens')
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
