// Bun.serve() with routes: bun bun-serve.ts
import { Sser, SserError, StaticPeerFinder } from 'sser'
import { join } from 'sser/bun'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxConnectionsPerAddress: 20,
})

const server = Bun.serve({
  hostname: HOST,
  port: Number(PORT),
  routes: {
    // GET /events?stream=orders. With the server, sser knows the client's address and turns off the idle limit of 10 s.
    '/events': (request, server) => sser.handler(request, server),
    '/send': {
      POST: async (request) => {
        const stream = new URL(request.url).searchParams.get('stream') ?? ''
        return Response.json(await sser.send(stream, await request.text()), { status: 202 })
      },
    },
  },
  error: (error) => new Response(null, { status: error instanceof SserError ? error.status : 500 }),
})

await join({ sser, server, internalHostname: HOST })
console.log(`listening on ${server.url.origin}`)
