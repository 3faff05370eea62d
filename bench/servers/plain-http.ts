import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { BenchServer } from '../harness/bench-server.ts'

export const server: BenchServer = {
  name: 'Node, plain `http`: `res.write`',
  serve(port) {
    const clients = new Set<ServerResponse>()
    createServer(async (req, res) => {
      if (req.method === 'POST') {
        for (const msg of (await text(req)).split('\n'))
          for (const each of clients) each.write(`data: ${msg}\n\n`)
        res.writeHead(202).end()
        return
      }
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      clients.add(res)
      res.once('close', () => clients.delete(res))
    }).listen(port, '127.0.0.1')
  },
}
