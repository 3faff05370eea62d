// A Datastar page: each event is an event of Datastar. After a kill Datastar resumes; after a drain the page begins again
// with the list as it is then.
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { Sser } from 'sser'

const MERGE = 'datastar-merge-fragments'

/** `orders` stands for a table in the database that all Pods share. */
export function createApp(sser: Sser, orders: string[]) {
  // One line, because each line of Datastar's data begins with a key.
  const item = (text: string) => html`<li>${text.replaceAll(/\s+/g, ' ')}</li>`
  /** The list, which connects when Datastar finds it in the page: at the position from before the query. */
  const list = (position: string) =>
    html`<ol id="orders" data-on-load="sse('/events?stream=orders&lastEventId=${position}')">${orders.map(item)}</ol>`
  return (
    new Hono()
      // Datastar does not read the event sser-gap. After an empty response the page fetches the list again.
      .use('/events', async (c, next) => {
        await next()
        if (c.res.headers.get('sser-resume') !== 'gap') return
        await c.res.body?.cancel()
        c.res = undefined
        c.res = new Response('', { headers: { 'content-type': 'text/event-stream' } })
      })
      .route('/events', sser.routes)
      .get('/', (c) => {
        const { position } = sser
        return position === undefined ? c.text('The Pod is not ready', 503) : c.html(page(list(position)))
      })
      .get('/orders', (c) => {
        const { position } = sser
        if (position === undefined) return c.text('The Pod is not ready', 503)
        const block = `event: ${MERGE}\ndata: mergeMode outer\ndata: fragments ${list(position)}\n\n`
        return c.body(block, 200, { 'content-type': 'text/event-stream' })
      })
      .post('/orders', async (c) => {
        const text = await c.req.text()
        orders.push(text)
        const append = `selector #orders\nmergeMode append\nfragments ${item(text)}` // escaped by html``
        await sser.send('orders', append, { event: MERGE })
        return c.body(null, 201)
      })
      .get('/datastar.js', serveStatic({ path: './node_modules/@starfederation/datastar/dist/datastar.js' }))
  )
}

const page = (list: unknown) => html`<!doctype html>
<meta charset="utf-8">
<title>Orders</title>
<script>
// Datastar stays away after the clean end of a response, as of a Pod that drains: the page then fetches the list,
// which connects. Random, because all pages of the Pod come back at once.
let isOpen = false
document.addEventListener('datastar-sse', ({ detail: { type, argsRaw } }) => {
  if (argsRaw.elId === 'orders' && type === 'started') isOpen = true
  if (argsRaw.elId === 'orders' && type === 'finished') isOpen = false
  if (type !== 'finished' || isOpen) return
  setTimeout(() => document.getElementById('page').dispatchEvent(new Event('return')), 1000 + Math.random() * 1000)
})
</script>
<script type="module" src="/datastar.js"></script>
<main id="page" data-on-return="sse('/orders')">
  <h1>Orders</h1>
  ${list}
</main>
`
