// Figures 5 and 6: memory of the server for an idle connection.
import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../harness/load.ts'
import type { BenchOptions } from '../harness/options.ts'
import { type Described, ServerProcess } from '../harness/server-process.ts'
import { rowsOf } from '../harness/servers.ts'
import { median, type Table } from '../harness/table.ts'

/** Connections opened and closed first, because one-time setup is not the cost of a connection. */
const WARM_UP = 50
const SERVERS = [
  'hono-stream',
  'sser-node',
  'sser-node-stream',
  'sser-bun',
  'plain-http',
  'hono-stream-sse',
  'nchan',
  'floor',
]

export async function figure(options: BenchOptions): Promise<Table> {
  const { idleConnections, settleMs } = options
  // One round is enough for a quick run, because each round starts a new process, which takes long, and memory varies
  // little.
  const rounds = options.quick ? 1 : options.rounds
  const { servers, notes } = await rowsOf([...new Set(['hono-stream', ...(options.servers ?? SERVERS)])])
  const kilobytes = servers.map(() => [] as number[])
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, each] of servers.entries()) kilobytes[i]?.push(await weigh(each, options))
  }
  const rows = servers
    .map(({ server }, i) => {
      const ratios = kilobytes[i]?.map((own, j) => own / (kilobytes[0]?.[j] as number)) as number[]
      return [server.name, median(kilobytes[i] as number[]), median(ratios)] as const
    })
    .toSorted((a, b) => a[1] - b[1])
  return {
    name: 'memory',
    title: 'Memory per idle connection',
    columns: ['server', 'KB', '× plain Hono'],
    rows,
    notes: [
      `${idleConnections.toLocaleString('en-US')} connections, resident memory with them less that without them, each after ${settleMs / 1_000} s of rest; the median of ${rounds} rounds, each in a fresh process. Plain Hono is the row of the \`ReadableStream\`.`,
      ...notes,
    ],
    plots: [
      {
        kind: 'bars',
        name: 'memory',
        title: 'Memory per idle connection',
        unit: 'KB',
        parts: ['resident'],
        bars: rows.map(([label, value]) => ({ label, values: [value] })),
      },
    ],
  }
}

/** Kilobytes for each connection, in a new process. */
async function weigh(described: Described, options: BenchOptions): Promise<number> {
  const { idleConnections, settleMs, patienceMs } = options
  const server = await ServerProcess.start(described)
  try {
    const warmUp = await Load.open(server, { connections: WARM_UP, patienceMs })
    await warmUp.send(10)
    await warmUp.close()
    await sleep(settleMs)
    const before = server.rss
    const load = await Load.open(server, { connections: idleConnections, patienceMs })
    try {
      await sleep(settleMs)
      const bytes = server.rss - before
      // Checks that the idle connections still worked.
      await load.send(1)
      await load.close()
      return bytes / 1_000 / idleConnections
    } finally {
      await load.end()
    }
  } finally {
    await server.stop()
  }
}
