// A server that damages its third event as `FAULT` says, on one connection only, as a bug would.
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { BenchServer } from '../../bench/harness/bench-server.ts'

const FAULTY = 3

/** Messages that the faulty connection receives in place of the `k`th event. */
const faults: Record<string, (msg: string, k: number) => string[]> = {
  none: (msg) => [msg],
  lost: (msg, k) => (k === FAULTY ? [] : [msg]),
  doubled: (msg, k) => (k === FAULTY ? [msg, msg] : [msg]),
  disordered: (msg, k) => (k === FAULTY ? [msg.replace('<3|', '<4|')] : [msg]),
  damaged: (msg, k) => (k === FAULTY ? [msg.replace('xx', 'xX')] : [msg]),
}

export const server: BenchServer = {
  name: 'the faulty one',
  serve(port) {
    const clients: ServerResponse[] = []
    const fault = faults[process.env.FAULT ?? 'none'] as (msg: string, k: number) => string[]
    const sent = new Map<ServerResponse, number>()
    createServer(async (req, res) => {
      if (req.method === 'POST') {
        for (const msg of (await text(req)).split('\n')) {
          for (const [i, each] of clients.entries()) {
            const k = (sent.get(each) ?? 0) + 1
            sent.set(each, k)
            for (const became of i === 1 ? fault(msg, k) : [msg]) each.write(`data: ${became}\n\n`)
          }
        }
        res.writeHead(202).end()
      } else {
        res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        clients.push(res)
      }
    }).listen(port, '127.0.0.1')
  },
}
