// Figure 3: ten events in one turn, for servers that can send them so.
import { cpuRounds, ratio, typical } from '../harness/cpu-rounds.ts'
import type { BenchOptions } from '../harness/options.ts'
import { rowsOf } from '../harness/servers.ts'
import type { Table } from '../harness/table.ts'

const BURST = 10
const SERVERS = [
  'plain-http',
  'sser-node',
  'sser-node-stream',
  'sser-bun',
  'better-sse',
  'hono-stream',
  'hono-stream-sse',
]

export async function figure(options: BenchOptions): Promise<Table> {
  const { connections, rounds } = options
  const events = Math.ceil(options.events / BURST) * BURST
  const { servers, notes } = await rowsOf([...new Set(['plain-http', ...(options.servers ?? SERVERS)])])
  const able = servers.filter(({ server }) => server.sendsBursts !== false)
  const measured = await cpuRounds(able, { connections, events, burst: BURST }, options)
  return {
    name: 'bursts',
    title: 'Server CPU per delivery, ten events a turn',
    columns: ['server', 'µs', 'user', 'system', '× `res.write`'],
    rows: measured
      .map((each) => {
        const { total, user, system } = typical(each)
        return [each.described.server.name, total, user, system, ratio(each, measured[0])] as const
      })
      .toSorted((a, b) => a[1] - b[1]),
    notes: [
      `${connections.toLocaleString('en-US')} connections × ${events} events of 100 bytes, ${BURST} in one turn; the median of ${rounds} rounds.`,
      ...notes,
    ],
    plots: [],
  }
}
