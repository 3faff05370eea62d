// Figures 1, 2 and 4: CPU of one delivery for each server, and its ratio to the floor and to nchan.
import { cpuRounds, ratio, typical } from '../harness/cpu-rounds.ts'
import type { BenchOptions } from '../harness/options.ts'
import { rowsOf, withBase } from '../harness/servers.ts'
import type { Table } from '../harness/table.ts'

const SERVERS = [
  'sser-node',
  'sser-node-stream',
  'sser-bun',
  'nchan',
  'better-sse',
  'plain-http',
  'hono-stream',
  'hono-stream-sse',
]

export async function figure(options: BenchOptions): Promise<Table> {
  const { connections, events, rounds } = options
  const { control, servers, notes } = await rowsOf(options.servers ?? SERVERS)
  const others = servers.filter(({ file }) => file !== control.file)
  const all = [
    control,
    ...others.flatMap((each) => (each.file.endsWith('/sser-node.ts') ? withBase(each, options) : [each])),
  ]
  const measured = await cpuRounds(all, { connections, events }, options)
  const nchan = measured.find(({ described }) => described.file.endsWith('/nchan.ts'))
  const [now, base] = measured.filter(({ described }) => described.file.endsWith('/sser-node.ts'))
  const rows = measured
    .map((each) => {
      const { total, user, system } = typical(each)
      return [
        each.described.server.name,
        total,
        user,
        system,
        ratio(each, measured[0]),
        ratio(each, nchan),
      ] as const
    })
    .toSorted((a, b) => a[1] - b[1])
  return {
    name: 'cpu',
    title: 'Server CPU per delivery',
    columns: ['server', 'µs', 'user', 'system', '× control', '× nchan'],
    rows,
    notes: [
      `${connections.toLocaleString('en-US')} connections × ${events} events of 100 bytes, one at a time; the median of ${rounds} rounds. Control: ${control.server.name}.`,
      ...notes,
    ],
    targets: [
      {
        figure: `One event to ${connections.toLocaleString('en-US')} connections, Node: CPU to the control`,
        most: 1.4,
        measured: now && ratio(now, measured[0]),
        base: base && ratio(base, measured[0]),
      },
      {
        figure: `One event to ${connections.toLocaleString('en-US')} connections, Node: CPU to nchan`,
        most: 0.9,
        measured: now && ratio(now, nchan),
        base: base && ratio(base, nchan),
      },
    ],
    plots: [
      {
        kind: 'bars',
        name: 'cpu',
        title: 'Server CPU per delivery',
        unit: 'µs',
        parts: ['user', 'system'],
        bars: rows.map(([label, , user, system]) => ({ label, values: [user, system] })),
      },
    ],
  }
}
