// A Pod of the recorded release, with the environment variables of custom-pod.ts.
import { Hono } from 'hono'
import { Sser, StaticPeerFinder, serveBun, serveNode } from '../released/db8a1ce.js'

const { HOST = '', PORT = '', INTERNAL_PORT = '', PEERS = '', OPTIONS = '{}' } = process.env

const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  logger: false,
  ...JSON.parse(OPTIONS),
})

const app = new Hono()
app.route('/events', sser.routes)
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))
app.get('/state', (c) => c.json({ connections: sser.connections, peers: sser.peers }))

const serve = 'Bun' in globalThis ? serveBun : serveNode
const served = await serve({ sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) })
console.log(`listening on http://${HOST}:${served.port}`)
