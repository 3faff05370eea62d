import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { BenchServer } from '../harness/bench-server.ts'
import { streamNames } from '../harness/stream-names.ts'

/** Minimal server of many streams: a set of clients for each. */
export const server: BenchServer = {
  name: 'Node, plain `http`: `res.write`',
  serve(port, { known = 0 }) {
    const streams = new Map<string, Set<ServerResponse>>()
    for (let i = 0; i < Number(known); i += 1) streams.set(`known-${i}`, new Set())
    createServer(async (req, res) => {
      const query = new URL(req.url ?? '', 'http://localhost').searchParams
      const stream = query.get('stream') ?? ''
      if (req.method === 'POST') {
        const names = streamNames(stream, query.get('streams') ?? undefined)
        for (const msg of (await text(req)).split('\n')) {
          for (const name of names) for (const each of streams.get(name) ?? []) each.write(`data: ${msg}\n\n`)
        }
        res.writeHead(202).end()
        return
      }
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      const clients = streams.get(stream) ?? new Set()
      streams.set(stream, clients.add(res))
      res.once('close', () => clients.delete(res))
    }).listen(port, '127.0.0.1')
  },
}
