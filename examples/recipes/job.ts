// A job of a Pod with its progress: a page reads it from the start, on any Pod, and stops it.
import { setTimeout as pause } from 'node:timers/promises'
import { Hono } from 'hono'
import type { Run, Sser } from 'sser'

export function createApp(sser: Sser) {
  const nameOf = (id: string) => `job:${id}`
  return (
    new Hono()
      .post('/jobs/:id', async (c) => {
        const run = await sser.startRun(nameOf(c.req.param('id')))
        void importRows(run, Number(await c.req.text()))
        return c.body(null, 202)
      })
      // An EventSource reads this: messages, then `sser-end`.
      .get('/jobs/:id', (c) => sser.runResponse(nameOf(c.req.param('id')), c.req.raw, { env: c.env }))
      .delete('/jobs/:id', async (c) => c.json(await sser.cancelRun(nameOf(c.req.param('id')))))
  )
}

/** In place of real work. */
async function importRows(run: Run, rows: number): Promise<void> {
  try {
    for (let row = 1; row <= rows; row += 1) {
      await pause(10, undefined, { signal: run.signal })
      run.write(JSON.stringify({ row, rows }))
    }
    run.end()
  } catch {
    // Cancelled, or this Pod drains: the reason is in the end that readers receive.
    run.end()
  }
}
