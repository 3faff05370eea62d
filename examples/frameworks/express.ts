// Express: node express.ts
import { createServer } from 'node:http'
import compression from 'compression'
import express from 'express'
import { Sser, StaticPeerFinder } from 'sser'
import { join, toNodeHandler } from 'sser/node'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxConnectionsPerAddress: 20,
})

const app = express()
app.get('/events', toNodeHandler(sser)) // GET /events?stream=orders
// After the events, because it replaces the methods of the response, which turns the fast path off.
app.use(compression())
app.post('/send', express.text({ type: () => true }), async (req, res) => {
  res.status(202).json(await sser.send(String(req.query.stream), req.body))
})

const server = createServer(app)
// Balancers keep idle connections for longer than Node's 5 s, and could reuse a connection while it closes.
server.keepAliveTimeout = 620_000

await join({ sser, server, internalHostname: HOST })
server.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}`))
