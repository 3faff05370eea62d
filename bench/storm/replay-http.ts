import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { BenchServer } from '../harness/bench-server.ts'

/** The control: a client of `storm` receives all earlier events of the stream in one write. */
export const server: BenchServer = {
  name: 'Node, plain `http`: the same bytes at once',
  serve(port) {
    const clients = new Set<ServerResponse>()
    let past = ':\n'
    createServer(async (req, res) => {
      const isStorm = req.url?.includes('stream=storm')
      if (req.method === 'POST') {
        for (const msg of (await text(req)).split('\n')) {
          if (isStorm) past += `data: ${msg}\n\n`
          else for (const each of clients) each.write(`data: ${msg}\n\n`)
        }
        res.writeHead(202).end()
        return
      }
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.write(isStorm ? past : ':\n\n')
      if (!isStorm) clients.add(res)
    }).listen(port, '127.0.0.1')
  },
}
