import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { createChannel, createSession } from 'better-sse'
import type { BenchServer } from '../harness/bench-server.ts'

export const server: BenchServer = {
  name: 'Node, better-sse on plain `http`',
  serve(port) {
    const channel = createChannel()
    createServer(async (req, res) => {
      if (req.method === 'POST') {
        for (const msg of (await text(req)).split('\n')) channel.broadcast(msg)
        res.writeHead(202).end()
      } else {
        channel.register(await createSession(req, res))
      }
    }).listen(port, '127.0.0.1')
  },
}
