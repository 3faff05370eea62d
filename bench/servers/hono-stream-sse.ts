import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import type { BenchServer } from '../harness/bench-server.ts'

export const server: BenchServer = {
  name: 'Node, Hono `streamSSE`',
  serve(port) {
    const clients = new Set<SSEStreamingApi>()
    const app = new Hono()
    app.get('/events', (c) =>
      streamSSE(c, async (stream) => {
        clients.add(stream)
        await new Promise<void>((resolve) => stream.onAbort(resolve))
        clients.delete(stream)
      }),
    )
    app.post('/send', async (c) => {
      for (const data of (await c.req.text()).split('\n'))
        for (const each of clients) void each.writeSSE({ data })
      return c.body(null, 202)
    })
    serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
  },
}
