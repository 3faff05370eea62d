// Next.js under a custom server: next build, then NODE_ENV=production node server.ts
import { createServer } from 'node:http'
import next from 'next'
import { join, toNodeHandler } from 'sser/node'
import { sser } from './lib/sser.ts'

const { HOST = '127.0.0.1', PORT = '8000', NODE_ENV } = process.env
const app = next({
  dir: import.meta.dirname,
  dev: NODE_ENV !== 'production',
  hostname: HOST,
  port: Number(PORT),
})
await app.prepare()
const handle = app.getRequestHandler()
const events = toNodeHandler(sser)

const server = createServer((req, res) => {
  // GET /events?stream=orders, past Next: its compression and its route handlers know neither socket nor address.
  if (req.url?.split('?')[0] === '/events') return events(req, res)
  return handle(req, res)
})
// Balancers keep idle connections for longer than Node's 5 s, and could reuse a connection while it closes.
server.keepAliveTimeout = 620_000

await join({ sser, server, beforeFlush: () => app.close(), internalHostname: HOST })
server.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}`))
