// The app of `.ci/install-check`: it serves one stream, sends one event, and ends when its own client has read the event.
import { Hono } from 'hono'
import { Sser, StaticPeerFinder } from 'sser'

const { serve } = 'Bun' in globalThis ? await import('sser/bun' as 'sser/node') : await import('sser/node')

const sser = new Sser({ peerFinder: new StaticPeerFinder(['127.0.0.1']), internalPort: 0 })
const app = new Hono()
app.route('/events', sser.routes)
app.post('/orders', async (c) => c.json(await sser.send('orders', await c.req.text()), 202))

const served = await serve({ sser, fetch: app.fetch, hostname: '127.0.0.1', port: 0 })
const url = `http://127.0.0.1:${served.port}`
const signal = AbortSignal.timeout(10_000)
const events = await fetch(`${url}/events?stream=orders`, { signal })
const posted = await fetch(`${url}/orders`, { method: 'POST', body: 'two coffees', signal })
if (posted.status !== 202) throw new Error(`expected 202 for the order, received ${posted.status}`)

const reader = events.body!.pipeThrough(new TextDecoderStream() as never).getReader()
let text = ''
while (!text.includes('data: two coffees\n')) {
  const { done, value } = await reader.read()
  if (done)
    throw new Error(`expected the event, received the end of the stream after ${JSON.stringify(text)}`)
  text += value
}
process.exit(0)
