// Elysia on Bun: bun elysia.ts
import { Elysia } from 'elysia'
import { Sser, StaticPeerFinder } from 'sser'
import { join } from 'sser/bun'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxConnectionsPerAddress: 20,
})

const app = new Elysia()
  // GET /events?stream=orders. With the server, sser knows the client's address and turns off Bun's idle limit.
  .get('/events', ({ request, server }) => sser.handler(request, server))
  .post(
    '/send',
    async ({ query, body, status }) => status(202, await sser.send(query.stream ?? '', String(body))),
    { parse: 'text' },
  )
  .listen({ hostname: HOST, port: Number(PORT) })

// `server` drains first; then Elysia runs its own hooks.
await join({ sser, server: app.server ?? undefined, beforeFlush: () => app.stop(), internalHostname: HOST })
console.log(`listening on http://${HOST}:${PORT}`)
