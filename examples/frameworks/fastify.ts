// Fastify: node fastify.ts
import fastify from 'fastify'
import { Sser, StaticPeerFinder } from 'sser'
import { join, toNodeHandler } from 'sser/node'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxConnectionsPerAddress: 20,
})
const events = toNodeHandler(sser)

const app = fastify()
app.get('/events', (request, reply) => {
  // Fastify must not answer as well; headers of its plugins, such as @fastify/cors, are not on the raw response yet.
  reply.hijack()
  reply.raw.setHeaders(new Map(Object.entries(reply.getHeaders()) as [string, string][]))
  return events(request.raw, reply.raw)
})
app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body))
app.post<{ Querystring: { stream: string }; Body: string }>('/send', async ({ query, body }, reply) => {
  return reply.code(202).send(await sser.send(query.stream, body))
})

// `server` drains first; then Fastify runs its own hooks, such as those that close a database.
await join({ sser, server: app.server, beforeFlush: () => app.close(), internalHostname: HOST })
await app.listen({ port: Number(PORT), host: HOST })
console.log(`listening on http://${HOST}:${PORT}`)
