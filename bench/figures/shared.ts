// Connections on a stream of their own and a shared one, against connections on the shared stream alone.
import type { SinkWork } from '../growth/sinks.ts'
import { casesInTurn, ratio, typical } from '../harness/cpu-rounds.ts'
import type { BenchOptions } from '../harness/options.ts'
import { describe, withBase } from '../harness/servers.ts'
import { sinkRounds } from '../harness/sink-rounds.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'

const BURST = 10
const KINDS = ['the shared one', 'its own and the shared one']

export async function figure(options: BenchOptions): Promise<Table> {
  const { connections, rounds } = options
  const events = Math.ceil(options.events / BURST) * BURST
  const sser = await describe(new URL('../servers/sser-node.ts', import.meta.url))
  const alone = { connections, events, burst: BURST, streamsOf: () => ['bench'] }
  const both = { ...alone, streamsOf: (i: number) => [`own-${i}`, 'bench'] }
  const cases = withBase(sser, options).flatMap((described) =>
    [alone, both].map((work) => ({ described, work })),
  )
  const onSockets = await casesInTurn(cases, options)
  const work = { connections, burst: BURST, turns: events }
  const works: SinkWork[] = [
    { ...work, streams: 'shared' },
    { ...work, streams: 'both' },
  ]
  const inMemory = await sinkRounds(works, options)
  const ratios = inMemory.map((each, i) => medianRatio(each.rounds, inMemory[i - (i % 2)]?.rounds))
  return {
    name: 'shared',
    title: 'CPU per delivery on a shared stream',
    columns: ['', 'streams of a connection', 'µs', '× shared alone'],
    rows: [
      ...onSockets.map((each, i) => [
        each.described.server.name,
        KINDS[i % 2] as string,
        typical(each).total,
        ratio(each, onSockets[i - (i % 2)]),
      ]),
      ...inMemory.map(({ name, rounds: all }, i) => [
        `${name}, without sockets`,
        KINDS[i % 2] as string,
        median(all),
        ratios[i] as number,
      ]),
    ],
    notes: [
      `${connections.toLocaleString('en-US')} connections, and events of 100 bytes on the shared stream, ${BURST} in one turn; the median of ${rounds} rounds.`,
    ],
    plots: [],
    targets: [
      {
        figure: `Own and shared stream, a burst of ${BURST} on the shared one, to the shared one alone, without sockets`,
        most: 1.5,
        measured: ratios[1],
        base: ratios[3],
      },
    ],
  }
}
