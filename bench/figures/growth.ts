// Growth of the CPU per delivery over connections, size of events, streams and Pods.
import { curve } from '../growth/curve.ts'
import type { BenchOptions } from '../harness/options.ts'
import { ServerProcess } from '../harness/server-process.ts'
import { growing, rowsOf } from '../harness/servers.ts'
import type { Table } from '../harness/table.ts'

/** Returns the servers of a curve: the control, sser on Node, and others. */
async function servers(others: readonly string[] = []) {
  const { control, servers: rows } = await rowsOf(['sser-node', ...others])
  return [control, ...rows.filter(({ file }) => file !== control.file)]
}

export async function connections(options: BenchOptions): Promise<Table> {
  const most = options.manyConnections
  const counts = [100, 300, 1_000, 3_000, 10_000].filter((count) => count < most)
  return curve(
    {
      name: 'growth-connections',
      title: 'CPU per delivery over connections',
      x: 'connections',
      servers: await servers(['plain-http']),
      points: [...counts, most].map((x) => ({ x, work: { connections: x } })),
      notes: ['Events of 100 bytes, one at a time.'],
    },
    options,
  )
}

export async function size(options: BenchOptions): Promise<Table> {
  const count = 100
  return curve(
    {
      name: 'growth-size',
      title: 'CPU per delivery over the size of an event',
      x: 'bytes of a message',
      servers: await servers(['plain-http']),
      points: [16, 100, 1_024, 4_096, 16_384, 65_536].map((x) => ({
        x,
        work: { connections: count, bytes: x },
      })),
      notes: [`${count} connections, one event at a time.`],
    },
    options,
  )
}

export async function streams(options: BenchOptions): Promise<Table> {
  const count = options.connections
  return curve(
    {
      name: 'growth-streams',
      title: 'CPU per delivery over streams',
      x: 'streams known',
      servers: [await growing('streams-http'), await growing('streams-sser')],
      points: [1, 10, 100, 1_000, 10_000, 100_000].map((x) => {
        const used = Math.min(x, count)
        return { x, work: { connections: count, streams: used, serverOptions: { known: x - used } } }
      }),
      notes: [
        `${count.toLocaleString('en-US')} connections, spread over the streams, or one on each of the first where there are more; an event to each stream that has connections, in one turn. Each event is a separate \`send()\`, so that the table shows the work for each event, which many connections share elsewhere.`,
      ],
    },
    options,
  )
}

export async function pods(options: BenchOptions): Promise<Table> {
  const others = await growing('pods-peers')
  const { control } = await rowsOf([])
  return curve(
    {
      name: 'growth-pods',
      title: 'CPU per delivery over Pods',
      x: 'Pods',
      servers: [control, await growing('pods-sser')],
      points: [1, 3, 10, 30, 50].map((x) => {
        return { x, work: { connections: options.connections, serverOptions: { pods: x } } }
      }),
      notes: [
        `${options.connections.toLocaleString('en-US')} connections, all on the measured Pod, which sends; it posts each event to every other Pod, too. The other Pods are instances in one process, which know the measured one alone.`,
      ],
      async beside({ x }) {
        if (x === 1) return async () => {}
        const process = await ServerProcess.start(others, { pods: x })
        return () => process.stop()
      },
    },
    options,
  )
}
