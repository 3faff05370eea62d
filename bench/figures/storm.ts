// Figure 10: latency of live events while ten thousand clients reconnect in ten seconds, each with missed events.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { within } from '../../test/support/until.ts'
import { message } from '../harness/message.ts'
import type { BenchOptions } from '../harness/options.ts'
import { type Described, ServerProcess } from '../harness/server-process.ts'
import { rowsOf } from '../harness/servers.ts'
import { median, type Table } from '../harness/table.ts'
import { quantile } from '../pods.ts'
import type { Order, Outcome } from '../storm/crowd.ts'
import { Probe } from '../storm/probe.ts'

const CROWD = fileURLToPath(new URL('../storm/crowd.ts', import.meta.url))
const CONTROL = fileURLToPath(new URL('../storm/replay-http.ts', import.meta.url))
const SERVERS = [CONTROL, 'sser-node', 'sser-bun']
const MISSED = 100
const BYTES = 100

export async function figure(options: BenchOptions): Promise<Table> {
  const { quick } = options
  // At most 3, because a round takes half a minute for each server.
  const rounds = Math.min(3, options.rounds)
  const clients = quick ? 1_000 : 10_000
  const overMs = quick ? 1_000 : 10_000
  const { servers, notes } = await rowsOf(options.servers ?? SERVERS)
  const runs = servers.map(() => [] as EntryRange[])
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, each] of servers.entries()) runs[i]?.push(await run(each, clients, overMs))
  }
  return {
    name: 'storm',
    title: 'Live events during a reconnect storm',
    columns: [
      'server',
      'calm: p50, ms',
      'p99, ms',
      'storm: p50, ms',
      'p99, ms',
      'p99 of the storm, × calm',
      'served after, s',
    ],
    rows: servers.map(({ server }, i) => {
      const own = runs[i] as EntryRange[]
      const of = (pick: (run: EntryRange) => number) => median(own.map(pick))
      return [
        server.name,
        of(({ calm }) => quantile(calm, 0.5)),
        of(({ calm }) => quantile(calm, 0.99)),
        of(({ storm }) => quantile(storm, 0.5)),
        of(({ storm }) => quantile(storm, 0.99)),
        of(({ calm, storm }) => quantile(storm, 0.99) / quantile(calm, 0.99)),
        of(({ servedMs }) => servedMs / 1_000),
      ]
    }),
    notes: [
      `${clients.toLocaleString('en-US')} clients reconnect within ${overMs / 1_000} s, each with an id that lacks ${MISSED} events of ${BYTES} bytes; each must receive exactly these. Meanwhile an event is sent every 10 ms on another stream. The median of ${rounds} rounds.`,
      'The clients, the server and the measuring process share two cores: the control shows the p99 that the machine alone causes.',
      ...notes,
    ],
    plots: [],
  }
}

/** Latencies in milliseconds, in ascending order. */
interface EntryRange {
  calm: number[]
  storm: number[]
  servedMs: number
}

async function run(described: Described, clients: number, overMs: number): Promise<EntryRange> {
  const server = await ServerProcess.start(described)
  try {
    const before = await Probe.join(server, 'storm')
    before.leave()
    await server.send(
      'stream=storm',
      Array.from({ length: MISSED }, (_, i) => message(i + 1, BYTES)),
    )
    const probe = await Probe.join(server, 'bench')
    const rest = () => new Promise((resolve) => setTimeout(resolve, overMs / 2))
    await probe.watch(rest())
    const calm = sorted(await probe.watch(rest()))
    const start = performance.now()
    let servedMs = 0
    const coming = crowd(
      {
        port: server.port,
        lastEventId: before.id,
        clients,
        overMs,
        events: MISSED,
        last: message(MISSED, BYTES).toString(),
      },
      6 * overMs,
    ).then((leave) => {
      servedMs = performance.now() - start
      return leave
    })
    const storm = sorted(await probe.watch(coming))
    probe.leave()
    await (await coming)()
    return { calm, storm, servedMs }
  } finally {
    await server.stop()
  }
}

/** Resolves when all clients have their missed events, with a function that closes them. */
async function crowd(order: Order, ms: number): Promise<() => Promise<void>> {
  const child = fork(CROWD, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const leave = () => {
    if (child.connected) child.disconnect()
    return ended
  }
  const served = new Promise<void>((resolve, reject) => {
    child.once('message', (outcome: Outcome) => {
      if ('fault' in outcome) reject(new Error(outcome.fault))
      else resolve()
    })
    child.once('exit', () => reject(new Error('the process of the reconnecting clients ended')))
  })
  child.send(order)
  try {
    await within('the crowd is served', served, ms)
    return leave
  } catch (error) {
    await leave()
    throw error
  }
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b)
}
