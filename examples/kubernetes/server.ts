// Server of the Deployment's Pods, on Node and on Bun.
import { Hono } from 'hono'
import { Sser, SserError } from 'sser'
import { KubernetesPeerFinder } from 'sser/kubernetes'

const { serve } = 'Bun' in globalThis ? await import('sser/bun') : await import('sser/node')

const sser = new Sser({
  peerFinder: new KubernetesPeerFinder({ labelSelector: 'app=web' }),
  // From the Secret `web-peers`, if it exists.
  peerSecret: process.env.PEER_SECRET?.split(','),
  // For the one rollout that adds the secret to a running fleet without one: see secret/first-rollout.
  allowUnsignedPeers: process.env.ALLOW_UNSIGNED_PEERS === 'true',
  // The base manifests set it, because their NetworkPolicy lets only Pods of this Deployment reach the internal port.
  allowOpenInternalPort: process.env.ALLOW_OPEN_INTERNAL_PORT === 'true',
  onError: (error, { stage, peer }) => console.error(stage, peer ?? '', error),
})

const app = new Hono()
app.route('/', sser.probeRoutes) // GET /readyz, for balancers that probe the Pods directly
app.route('/events', sser.routes) // GET /events?stream=orders
// For callers inside the cluster, because this path has no login: the overlays in edge/ route /events alone.
app.post('/send', async (c) => {
  const receipt = await sser.send(c.req.query('stream') ?? '', await c.req.text())
  return c.json(receipt, 202)
})
app.onError((error, c) => {
  // 400 for a message that cannot be sent, and 503 from a stopping Pod: the caller may retry on another.
  if (error instanceof SserError) return c.json({ error: error.code }, error.status)
  console.error(error)
  return c.json({ error: 'internal' }, 500)
})

await serve({ sser, fetch: app.fetch, port: 8000 })
