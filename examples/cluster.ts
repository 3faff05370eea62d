// Three workers of node:cluster behind one public port, each a Pod with a separate internal port.
import cluster from 'node:cluster'
import { Hono } from 'hono'
import { Sser, WorkerPeerFinder } from 'sser'
import { serve } from 'sser/node'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', WORKERS = '3' } = process.env
const { WORKER_INDEX, NODE_APP_INSTANCE } = process.env
const ports = Array.from({ length: Number(WORKERS) }, (_, i) => Number(INTERNAL_PORT) + i)

if (cluster.isPrimary) {
  // A replacement worker gets the number of the one that exited, and therefore the same internal port.
  const fork = (index: number) => {
    const worker = cluster.fork({ WORKER_INDEX: index })
    worker.on('exit', (code) => {
      if (code !== 0) fork(index)
    })
  }
  for (const index of ports.keys()) fork(index)
} else {
  // PM2 sets NODE_APP_INSTANCE instead of WORKER_INDEX.
  const index = Number(WORKER_INDEX ?? NODE_APP_INSTANCE)
  const internalPort = ports[index] as number
  const sser = new Sser({ peerFinder: new WorkerPeerFinder({ ports }), internalPort })
  const app = new Hono().route('/events', sser.routes)
  app.post('/send', async (c) => {
    return c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202)
  })
  const { port } = await serve({
    sser,
    fetch: app.fetch,
    hostname: HOST,
    port: Number(PORT),
    internalHostname: '127.0.0.1',
  })
  console.log(`worker ${index} (pid ${process.pid}) listening on http://${HOST}:${port}`)
}
