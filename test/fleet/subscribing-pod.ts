// A Pod with loops over subscriptions, which write a line on stdout for each item, and for their end.
import { setImmediate } from 'node:timers/promises'
import { Hono } from 'hono'
import { StaticPeerFinder, type Subscription } from '../../src/index.ts'
import { newSser } from '../support/settings.ts'

const { HOST = '', PORT = '', INTERNAL_PORT = '', PEERS = '', OPTIONS = '{}' } = process.env
const { serve } = 'Bun' in globalThis ? await import('../../src/bun.ts') : await import('../../src/node.ts')

const sser = newSser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  logger: false,
  // Receipts tell what a peer did, however late a busy machine lets it answer.
  ackTimeoutMs: 15_000,
  ...JSON.parse(OPTIONS),
})

const app = new Hono()
app.route('/events', sser.routes)
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))
app.post('/burst', async (c) => {
  const events: [stream: string, msg: string][] = await c.req.json()
  return c.json(await Promise.all(events.map(([stream, msg]) => sser.send(stream, msg))), 202)
})
app.post('/subscribe', (c) => {
  const name = c.req.query('name') as string
  const after = c.req.query('after')
  void loop(name, sser.subscribe(c.req.queries('stream') ?? [], { after }))
  return c.json({}, 201)
})
app.post('/subscriptions', (c) => c.json(sser.stats().subscriptions))

/** A loop with an even name is busy for a turn of the event loop after each item. */
async function loop(name: string, subscription: Subscription): Promise<void> {
  for await (const item of subscription) {
    console.log(`item ${name} ${item.id} ${item.type} ${item.type === 'event' ? item.data : item.reason}`)
    if (Number(name) % 2 === 0) await setImmediate()
  }
  console.log(`end ${name}`)
}

const served = await serve({ sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) })
console.log(`listening on http://${HOST}:${served.port}`)
