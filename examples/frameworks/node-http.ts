// Node's own HTTP server, without a framework: node node-http.ts
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { Sser, SserError, StaticPeerFinder } from 'sser'
import { join, toNodeHandler } from 'sser/node'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxConnectionsPerAddress: 20,
})
const events = toNodeHandler(sser)

const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')
  if (pathname === '/events') return events(req, res) // GET /events?stream=orders
  if (req.method !== 'POST' || pathname !== '/send') return res.writeHead(404).end()
  try {
    const receipt = await sser.send(searchParams.get('stream') ?? '', await text(req))
    res.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(receipt))
  } catch (error) {
    res.writeHead(error instanceof SserError ? error.status : 500).end()
  }
})
// Balancers keep idle connections for longer than Node's 5 s, and could reuse a connection while it closes.
server.keepAliveTimeout = 620_000

await join({ sser, server, internalHostname: HOST })
server.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}`))
