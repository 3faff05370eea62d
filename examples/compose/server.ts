// The server of compose.yaml.
import { Hono } from 'hono'
import { Sser } from 'sser'
import { DnsPeerFinder } from 'sser/dns'
import { serve } from 'sser/node'

const { PEERS_HOSTNAME = '', PEER_SECRET = '' } = process.env
const sser = new Sser({
  // Docker answers with the address of every replica that has the alias.
  peerFinder: new DnsPeerFinder({ hostname: PEERS_HOSTNAME }),
  // Every container of the network reaches the internal port.
  peerSecret: PEER_SECRET.split(','),
})

const app = new Hono()
app.route('/', sser.probeRoutes) // GET /readyz, for the health check
app.route('/events', sser.routes) // GET /events?stream=orders
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))

await serve({ sser, fetch: app.fetch, port: 8000 })
