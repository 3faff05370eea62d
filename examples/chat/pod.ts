// One Pod: the server of the app. It answers a question with a run, which every Pod can deliver and stop.
import { setTimeout as pause } from 'node:timers/promises'
import { Hono } from 'hono'
import { type Run, Sser, StaticPeerFinder } from 'sser'
import { serve } from 'sser/node'
import { tokensOf } from './model.ts'

const { POD = '1', PEERS = '', PEER_SECRET, INTERNAL_PORT = '7000' } = process.env
const TOKENS_PER_SECOND = 30

const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  peerSecret: PEER_SECRET,
  // An app decides here whether the chat is the client's.
  authorize: () => 'allow',
  logger: false,
})

const app = new Hono()
  .post('/api/chats/:id', async (c) => {
    const run = await sser.startRun(`chat:${c.req.param('id')}`)
    // Not awaited: the answer goes on when this request, and the page, are gone.
    void answer(run, (await c.req.text()).slice(0, 200))
    return c.body(null, 202)
  })
  .delete('/api/chats/:id', async (c) => c.json(await sser.cancelRun(`chat:${c.req.param('id')}`)))
  // Serves GET /api/events?run=chat:ID to the client of the page.
  .route('/api/events', sser.routes)

/** Asks the model. `run.signal` aborts when any Pod cancels the run. */
async function answer(run: Run, question: string): Promise<void> {
  run.write(JSON.stringify({ question, pod: Number(POD) }))
  try {
    for (const token of tokensOf(question, Date.now())) {
      await pause(1_000 / TOKENS_PER_SECOND, undefined, { signal: run.signal })
      run.write(JSON.stringify(token))
    }
    run.end()
  } catch {
    // Cancelled, or this Pod drains: readers are told which.
    run.end()
  }
}

process.once('disconnect', () => process.exit())
const { port } = await serve({ sser, fetch: app.fetch, hostname: '127.0.0.1', port: 0 })
process.send?.(port)
