// An htmx page: each event is HTML, which htmx appends to the list. The browser's EventSource resumes on any Pod.
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { Sser } from 'sser'

/** `orders` stands for a table in the database that all Pods share. */
export function createApp(sser: Sser, orders: string[]) {
  const item = (text: string) => html`<li>${text}</li>`
  const list = () => html`${orders.map(item)}`
  return new Hono()
    .route('/events', sser.routes)
    .get('/', (c) => {
      const position = sser.position // before the query
      return position === undefined ? c.text('The Pod is not ready', 503) : c.html(page(position, list()))
    })
    .get('/orders', (c) => c.html(list()))
    .post('/orders', async (c) => {
      const text = await c.req.text()
      orders.push(text)
      await sser.send('orders', String(item(text))) // escaped by html``
      return c.body(null, 201)
    })
    .get('/htmx.js', serveStatic({ path: './node_modules/htmx.org/dist/htmx.min.js' }))
    .get('/sse.js', serveStatic({ path: './node_modules/htmx-ext-sse/dist/sse.min.js' }))
}

const page = (position: string, list: unknown) => html`<!doctype html>
<meta charset="utf-8">
<title>Orders</title>
<script src="/htmx.js"></script>
<script src="/sse.js"></script>
<script>
// After a response that is not 200, such as a proxy's 502, htmx creates a new EventSource: it begins at the last id of the old one.
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
