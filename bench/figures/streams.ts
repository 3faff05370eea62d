// One stream for each connection: every delivery is a separate event, with its own `send()`, id and frame.
import type { SinkWork } from '../growth/sinks.ts'
import { cpuRounds, type Measured, ratio, typical } from '../harness/cpu-rounds.ts'
import type { BenchOptions } from '../harness/options.ts'
import { growing, withBase } from '../harness/servers.ts'
import { sinkRounds } from '../harness/sink-rounds.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'

/** Numbers of streams in one turn. */
const COUNTS = [1_000, 4_000, 16_000]
/** Events of a round, about, after half as many: with fewer, the compilers are still at work in the few turns of many streams. */
const EVENTS = 192_000

export async function figure(options: BenchOptions): Promise<Table> {
  const { connections, events, rounds } = options
  const onNode = withBase(await growing('streams-sser'), options)
  const onBun = withBase(await growing('streams-sser-bun'), options)
  const plain = await growing('streams-http')
  const plainBun = await growing('streams-http-bun')
  const servers = [plain, ...onNode, plainBun, await growing('streams-direct-bun'), ...onBun]
  const measured = await cpuRounds(servers, { connections, streams: connections, events }, options)
  const [control, controlBun] = [plain, plainBun].map((each) =>
    measured.find(({ described }) => described === each),
  )
  const to = (described: unknown, other: Measured | undefined) => {
    const each = measured.find((one) => one.described === described)
    return each === undefined ? undefined : ratio(each, other)
  }
  return {
    name: 'streams',
    title: 'Server CPU per event, a stream for each connection',
    columns: ['server', 'µs', 'user', 'system', '× `res.write` on Node', '× `res.write` on Bun'],
    rows: measured.map((each) => {
      const { total, user, system } = typical(each)
      const isBun = each.described.server.runtime === 'bun'
      return [
        each.described.server.name,
        total,
        user,
        system,
        ratio(each, control),
        isBun ? ratio(each, controlBun) : '',
      ]
    }),
    notes: [
      `${connections.toLocaleString('en-US')} connections, each on its own stream; in one turn an event of 100 bytes to each stream, the next when all have it, ${events} times. The median of ${rounds} rounds.`,
    ],
    plots: [],
    targets: [
      {
        figure: `One stream per user, ${connections.toLocaleString('en-US')} connections, Node: CPU of \`send()\` and delivery to \`res.write\``,
        most: 0.9,
        measured: to(onNode[0], control),
        base: to(onNode[1], control),
      },
      {
        figure: 'The same on Bun',
        most: 0.8,
        measured: to(onBun[0], control),
        base: to(onBun[1], control),
      },
    ],
  }
}

export async function many(options: BenchOptions): Promise<Table> {
  const works = COUNTS.map((connections): SinkWork => {
    return { connections, streams: 'own', burst: 1, turns: Math.ceil(EVENTS / connections) }
  })
  const measured = await sinkRounds(works, options)
  const ratios = measured.map((each, i) => medianRatio(each.rounds, measured[i - (i % works.length)]?.rounds))
  return {
    name: 'streams-many',
    title: 'CPU per event over streams in one turn, without sockets',
    columns: ['', 'streams', 'µs', `× ${COUNTS[0]?.toLocaleString('en-US')} streams`],
    rows: measured.map(({ name, work, rounds }, i) => [
      name,
      work.connections,
      median(rounds),
      ratios[i] as number,
    ]),
    notes: [
      `A connection on each stream; in one turn an event of 100 bytes to each. The connections take every chunk at once, so that the table shows the package alone. The median of ${options.rounds} rounds, each in a fresh process.`,
    ],
    plots: [],
    targets: [
      {
        figure: `CPU per event, ${COUNTS.at(-1)?.toLocaleString('en-US')} streams in one turn, to ${COUNTS[0]?.toLocaleString('en-US')}`,
        most: 1.2,
        measured: ratios[works.length - 1],
        base: ratios[2 * works.length - 1],
      },
    ],
  }
}
