// A page of htmx 4, and of htmx 2: each event is HTML, which htmx appends to the list. Both resume on any Pod.
import { serveStatic } from '@hono/node-server/serve-static'
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Sser } from 'sser'

/** `orders` stands for a table in the database that all Pods share. */
export function createApp(sser: Sser, orders: string[]) {
  const item = (text: string) => html`<li>${text}</li>`
  const list = () => html`${orders.map(item)}`
  const show = (page: typeof htmx4) => (c: Context) => {
    const position = sser.position // before the query
    return position === undefined ? c.text('The Pod is not ready', 503) : c.html(page(position, list()))
  }
  return new Hono()
    .route('/events', sser.routes)
    .get('/htmx-4', show(htmx4))
    .get('/htmx-2', show(htmx2))
    .get('/orders', (c) => c.html(list()))
    .post('/orders', async (c) => {
      const text = await c.req.text()
      orders.push(text)
      await sser.send('orders', String(item(text))) // escaped by html``
      return c.body(null, 201)
    })
    .get('/htmx-4.js', serveStatic({ path: './node_modules/htmx-4/dist/htmx.min.js' }))
    .get('/hx-sse.js', serveStatic({ path: './node_modules/htmx-4/dist/ext/hx-sse.min.js' }))
    .get('/htmx-2.js', serveStatic({ path: './node_modules/htmx.org/dist/htmx.min.js' }))
    .get('/sse.js', serveStatic({ path: './node_modules/htmx-ext-sse/dist/sse.min.js' }))
}

const htmx4 = (position: string, list: unknown) => html`<!doctype html>
<meta charset="utf-8">
<title>Orders</title>
<script src="/htmx-4.js"></script>
<script src="/hx-sse.js"></script>
<main>
  <h1>Orders</h1>
  <ol id="orders" hx-sse:connect="/events?stream=orders&lastEventId=${position}" hx-swap="beforeend">${list}</ol>
  <div hx-get="/orders" hx-trigger="sser-gap from:#orders" hx-target="#orders"></div>
</main>
`

const htmx2 = (position: string, list: unknown) => html`<!doctype html>
<meta charset="utf-8">
<title>Orders</title>
<script src="/htmx-2.js"></script>
<script src="/sse.js"></script>
<script>
// After a response that is not 200, such as a proxy's 502, htmx 2 creates a new EventSource: it begins at the last id of the old one.
let last
htmx.createEventSource = (path) => {
  const url = new URL(path, location)
  if (last) url.searchParams.set('lastEventId', last)
  const source = new EventSource(url)
  for (const type of ['message', 'sser-position', 'sser-gap'])
    source.addEventListener(type, ({ lastEventId }) => { last = lastEventId })
  return source
}
</script>
<main hx-ext="sse" sse-connect="/events?stream=orders&lastEventId=${position}">
  <h1>Orders</h1>
  <ol id="orders" sse-swap="message" hx-swap="beforeend">${list}</ol>
  <div hx-get="/orders" hx-trigger="sse:sser-gap" hx-target="#orders"></div>
</main>
`
