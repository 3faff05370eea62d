// A process of its own, under Bun: the routes and the handler on `Bun.serve()`, without `serve()`.
import { Hono } from 'hono'
import { Sser, StaticPeerFinder } from '../../src/index.ts'

const { HOST = '' } = process.env
const warnings: string[] = []
const sser = new Sser({
  peerFinder: new StaticPeerFinder([]),
  internalPort: 0,
  heartbeatMs: 60_000,
  drainTimeoutMs: 60_000,
  logger: { info: () => {}, warn: (message) => warnings.push(message) },
})
await sser.start()
const app = new Hono().route('/events', sser.routes)
const common = { hostname: HOST, port: 0, development: false } as const
const servers = [
  Bun.serve({ ...common, fetch: sser.handler }),
  Bun.serve({ ...common, fetch: (request, server) => app.fetch(request, { server }) }),
  Bun.serve({ ...common, routes: { '/events': sser.handler } }),
  Bun.serve({ ...common, fetch: (request) => sser.handler(request) }),
]
process.once('SIGUSR2', () => void sser.stop())
process.once('SIGTERM', () => {
  console.log(`warnings ${JSON.stringify(warnings)}`)
  process.exit()
})
console.log(`listening on ${servers.map(({ port }) => `http://${HOST}:${port}`).join(' ')}`)
