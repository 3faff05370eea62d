import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { BenchServer } from '../harness/bench-server.ts'

export const server: BenchServer = {
  name: 'Node, Hono with a `ReadableStream`',
  serve(port) {
    const clients = new Set<ReadableStreamDefaultController<Uint8Array>>()
    const encoder = new TextEncoder()
    const app = new Hono()
    app.get('/events', (c) => {
      let own: ReadableStreamDefaultController<Uint8Array>
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller
          clients.add(own)
        },
        cancel: () => void clients.delete(own),
      })
      return c.body(body, 200, { 'content-type': 'text/event-stream' })
    })
    app.post('/send', async (c) => {
      for (const msg of (await c.req.text()).split('\n')) {
        const frame = encoder.encode(`data: ${msg}\n\n`)
        for (const each of clients) each.enqueue(frame)
      }
      return c.body(null, 202)
    })
    serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
  },
}
