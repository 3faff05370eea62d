// The server of the scenarios' Pods: the server of examples/kubernetes, with a path for its state.
import { Hono } from 'hono'
import { type Peer, type PeerFinder, Sser, SserError } from '../../src/index.ts'
import { KubernetesPeerFinder, type KubernetesPeerFinderStatus } from '../../src/kubernetes.ts'
import { numbers } from '../support/numbers.ts'

export interface WebState {
  connections: number
  finder: KubernetesPeerFinderStatus
  /** Every list of peers so far: the UIDs, and the time of the list. */
  lists: { at: number; uids: string[] }[]
  /** Every reported error so far. */
  errors: string[]
}

const {
  SELECTOR = 'app=web',
  PEER_SECRET,
  ALLOW_UNSIGNED_PEERS,
  ALLOW_OPEN_INTERNAL_PORT,
  RUNS_DRAIN_TIMEOUT_MS,
} = process.env
const { serve } = 'Bun' in globalThis ? await import('../../src/bun.ts') : await import('../../src/node.ts')

const errors: string[] = []
const lists: WebState['lists'] = []
const onError = (error: unknown) => errors.push(String(error))
const note = (peers: readonly Peer[]) => {
  const uids = peers.map(({ uid = '' }) => uid).toSorted()
  // Skips a list with the same UIDs, because the finder may change only details of a peer.
  if (lists.length === 0 || lists.at(-1)?.uids.join() !== uids.join()) lists.push({ at: Date.now(), uids })
  return peers
}

const finder = new KubernetesPeerFinder({ labelSelector: SELECTOR, onError })
const noted: PeerFinder = {
  async start(options) {
    const list = await finder.start(options)
    note(list.peers)
    const changes = (async function* () {
      for await (const peers of list.changes) yield note(peers)
    })()
    return { ...list, changes }
  },
}

const sser = new Sser({
  peerFinder: noted,
  peerSecret: PEER_SECRET?.split(','),
  allowUnsignedPeers: ALLOW_UNSIGNED_PEERS === 'true',
  allowOpenInternalPort: ALLOW_OPEN_INTERNAL_PORT === 'true',
  ...(RUNS_DRAIN_TIMEOUT_MS !== undefined && { runs: { drainTimeoutMs: Number(RUNS_DRAIN_TIMEOUT_MS) } }),
  onError,
})
const app = new Hono()
app.route('/events', sser.routes)
app.get('/', (c) => c.text('a page'))
app.post('/send', async (c) => c.json(await sser.send(c.req.query('stream') ?? '', await c.req.text()), 202))
app.post('/generate/:name', async (c) => {
  const { count, everyMs } = await c.req.json<{ count: number; everyMs: number }>()
  const { id } = await sser.startRun(c.req.param('name'), { from: numbers(count, everyMs) })
  return c.json({ id }, 201)
})
app.onError((error, c) => c.text(`${error}`, error instanceof SserError ? error.status : 500))
app.get('/state', (c) => {
  const state: WebState = { connections: sser.connections, finder: finder.status(), lists, errors }
  return c.json(state)
})

await serve({ sser, fetch: app.fetch, port: 8000 })
