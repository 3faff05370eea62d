// A table of orders in every tab, from a database that all Pods share. The page is page.html.
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { Sser, StaticPeerFinder } from 'sser'
import { serve } from 'sser/node'

const {
  HOST = '127.0.0.1',
  PORT = '8000',
  INTERNAL_PORT = '7000',
  PEERS = '',
  DB = 'orders.db',
} = process.env
const sser = new Sser({
  internalPort: Number(INTERNAL_PORT),
  peerFinder: new StaticPeerFinder(PEERS.split(',').filter(Boolean)),
})

const db = new DatabaseSync(DB, { timeout: 5_000 })
db.exec('PRAGMA journal_mode = WAL')
db.exec(`CREATE TABLE IF NOT EXISTS orders
  (id INTEGER PRIMARY KEY, text TEXT, status TEXT DEFAULT 'new', version INTEGER DEFAULT 1)`)

const app = new Hono()
app.route('/events', sser.routes)

app.get('/orders', (c) => {
  const position = sser.position // before the query
  if (position === undefined) return c.text('The Pod is not ready', 503)
  return c.json({ position, orders: db.prepare('SELECT * FROM orders ORDER BY id').all() })
})

app.post('/orders', async (c) => {
  const order = db.prepare('INSERT INTO orders (text) VALUES (?) RETURNING *').get(await c.req.text())
  await sser.send('orders', JSON.stringify(order)) // after the commit
  return c.json(order, 201)
})

app.put('/orders/:id/status', async (c) => {
  const update = db.prepare('UPDATE orders SET status = ?, version = version + 1 WHERE id = ? RETURNING *')
  const order = update.get(await c.req.text(), c.req.param('id'))
  if (order === undefined) return c.notFound()
  await sser.send('orders', JSON.stringify(order))
  return c.json(order)
})

// The client as the package has it, for a page without a bundler.
const client = fileURLToPath(new URL('.', import.meta.resolve('sser/client')))
app.use('/sser/*', serveStatic({ root: client, rewriteRequestPath: (path) => path.slice('/sser'.length) }))
const page = readFileSync(new URL('./page.html', import.meta.url), 'utf8')
app.get('/', (c) => c.html(page))

await serve({ sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) })
console.log(`listening on http://${HOST}:${PORT}`)
