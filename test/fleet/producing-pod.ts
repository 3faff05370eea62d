// A Pod that starts runs and writes them when it is told to, with the environment variables of custom-pod.ts.
import { Hono } from 'hono'
import { type Run, StaticPeerFinder } from '../../src/index.ts'
import { newSser } from '../support/settings.ts'

const { HOST = '', PORT = '', INTERNAL_PORT = '', PEERS = '', OPTIONS = '{}' } = process.env
const { serve } = 'Bun' in globalThis ? await import('../../src/bun.ts') : await import('../../src/node.ts')

const sser = newSser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  logger: false,
  ...JSON.parse(OPTIONS),
})
const runs = new Map<string, Run>()

const app = new Hono()
app.route('/events', sser.routes)
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))
app.get('/state', (c) => c.json({ connections: sser.connections, peers: sser.peers }))
app.post('/start/:name', async (c) => {
  const run = await sser.startRun(c.req.param('name'))
  runs.set(run.name, run)
  return c.json({ id: run.id })
})
app.post('/write/:name', async (c) => {
  runs.get(c.req.param('name'))?.write(await c.req.text())
  return c.body(null, 204)
})
app.post('/flush/:name', async (c) => c.json({ held: await runs.get(c.req.param('name'))?.flush() }))
app.post('/end/:name', (c) => {
  runs.get(c.req.param('name'))?.end()
  return c.body(null, 204)
})
app.post('/cancel/:name', async (c) => c.json(await sser.cancelRun(c.req.param('name'))))

const served = await serve({ sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) })
console.log(`listening on http://${HOST}:${served.port}`)
