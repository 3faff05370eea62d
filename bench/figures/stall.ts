// Figure 11: longest stall of the event loop while one event goes to as many connections as a process can hold.
import { Load } from '../harness/load.ts'
import type { BenchOptions } from '../harness/options.ts'
import { type Described, ServerProcess } from '../harness/server-process.ts'
import { rowsOf } from '../harness/servers.ts'
import { median, type Table } from '../harness/table.ts'

const EVENTS = 5
const AIM = 20_000
const SERVERS = ['plain-http', 'sser-node', 'sser-node-stream']

export async function figure(options: BenchOptions): Promise<Table> {
  const { manyConnections, rounds } = options
  const { servers, notes } = await rowsOf([...new Set(['plain-http', ...(options.servers ?? SERVERS)])])
  const stalls = servers.map(() => [] as number[])
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, each] of servers.entries()) stalls[i]?.push(await longest(each, options))
  }
  if (manyConnections < AIM && !options.quick) {
    notes.push(`${AIM.toLocaleString('en-US')} was the aim; a process may not open as many files here.`)
  }
  return {
    name: 'stall',
    title: 'The longest stall while one event goes to all',
    columns: ['server', 'ms', 'the worst round', '× `res.write`'],
    rows: servers.map(({ server }, i) => {
      const own = stalls[i] as number[]
      const ratios = own.map((ms, j) => ms / (stalls[0]?.[j] as number))
      return [server.name, median(own), Math.max(...own), median(ratios)]
    }),
    notes: [
      `${manyConnections.toLocaleString('en-US')} connections; the longest of ${EVENTS} events, seen by a timer of 1 ms in the server; the median of ${rounds} rounds.`,
      ...notes,
    ],
    plots: [],
  }
}

async function longest(described: Described, options: BenchOptions): Promise<number> {
  const { manyConnections: connections, patienceMs } = options
  const server = await ServerProcess.start(described)
  try {
    const load = await Load.open(server, { connections, patienceMs })
    try {
      await load.send(EVENTS)
      await server.watchStalls()
      await load.send(EVENTS)
      const stallMs = await server.longestStall()
      await load.close()
      return stallMs
    } finally {
      await load.end()
    }
  } finally {
    await server.stop()
  }
}
