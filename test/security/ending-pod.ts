// A Pod whose connections end: when it is told, at a time of their own, or because the hook fails.
import { Hono } from 'hono'
import { Sser, StaticPeerFinder } from '../../src/index.ts'

const {
  HOST = '',
  PORT = '',
  INTERNAL_PORT = '',
  PEERS = '',
  FAST_PATH = 'yes',
  SETTINGS = '{}',
} = process.env
const isBun = 'Bun' in globalThis

const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxMessageBytes: 1_048_576,
  logger: false,
  onError: () => {},
  authorize(c) {
    const { fails, lasts } = c.req.query()
    if (fails !== undefined) throw new Error('The hook fails')
    return { tags: ['all'], ...(lasts !== undefined && { expiresAt: Date.now() + Number(lasts) }) }
  },
  ...JSON.parse(SETTINGS),
})

const app = new Hono()
app.route('/events', sser.routes)
app.mount('/mounted', sser.routes.fetch)
app.get('/own', () => {
  const encoder = new TextEncoder()
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode('data: begun\n\n'))
      setTimeout(() => controller.close(), 500)
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
})
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))
app.post('/disconnect', async (c) => c.json(await sser.disconnect({ tag: 'all' })))
app.get('/state', (c) => c.json({ connections: sser.connections, peers: sser.peers }))

const options = { sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) }
// Idle connections last for minutes by default, longer than a test.
const served = isBun
  ? await (await import('../../src/bun.ts')).serve({ ...options, serverOptions: { idleTimeout: 8 } })
  : await (await import('../../src/node.ts')).serve({
      ...options,
      fastPath: FAST_PATH === 'yes',
      serverOptions: { keepAliveTimeout: 5_000 },
    })
console.log(`listening on http://${HOST}:${served.port}`)
