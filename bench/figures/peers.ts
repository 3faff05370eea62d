// CPU of one event in fleets of many Pods, for each peer.
import type { BenchOptions } from '../harness/options.ts'
import { ServerProcess } from '../harness/server-process.ts'
import { growing, withBase } from '../harness/servers.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'

const COUNTS = [10, 50]
const MESSAGE = Buffer.from('x'.repeat(100))
/** Rounds start new processes, because two fleets at once would disturb each other. */
const ROUNDS = 3
const IDLE_MS = 3_000

/** CPU of one event and peer, in microseconds. */
interface Cost {
  /** In the process of the sending Pod. */
  sender: number
  /** In the process of all other Pods. */
  peers: number
}

export async function figure(options: BenchOptions): Promise<Table> {
  const rounds = Math.min(ROUNDS, options.rounds)
  const senders = withBase(await growing('pods-sser'), options)
  const peers = withBase(await growing('pods-peers'), options)
  const cases = senders.flatMap(({ server }, i) =>
    COUNTS.map((pods) => ({ name: server.name, pods, i, costs: [] as Cost[] })),
  )
  const events = options.quick ? 20 : 100
  for (let round = 0; round < rounds; round += 1) {
    for (const { pods, i, costs } of cases) {
      const others = await ServerProcess.start(peers[i] as (typeof peers)[0], { pods })
      try {
        const sender = await ServerProcess.start(senders[i] as (typeof senders)[0], { pods })
        try {
          costs.push(await costOf(sender, others, pods - 1, events))
        } finally {
          await sender.stop()
        }
      } finally {
        await others.stop()
      }
    }
  }
  const [few, many, , base] = cases.map(({ costs }) => costs.map(({ sender }) => sender))
  return {
    name: 'peers',
    title: 'CPU of an event for each peer',
    columns: ['', 'Pods', 'of the sender, µs', 'of a peer, µs'],
    rows: cases.map(({ name, pods, costs }) => [
      name,
      pods,
      median(costs.map(({ sender }) => sender)),
      median(costs.map((each) => each.peers)),
    ]),
    notes: [
      `${events} events of 100 bytes, each sent when all peers have acknowledged the one before, less the CPU of the idle fleet in the same time. No clients. The other Pods are instances in one process. The median of ${rounds} rounds, each in fresh processes.`,
    ],
    plots: [],
    targets: [
      {
        figure: `CPU per event and peer at ${COUNTS.at(-1)} Pods, to \`--base\``,
        most: 0.3,
        measured: medianRatio(many, base),
        base: base && 1,
      },
      {
        figure: `CPU per event and peer at ${COUNTS.at(-1)} Pods, to ${COUNTS[0]}`,
        most: 1,
        measured: medianRatio(many, few),
      },
    ],
  }
}

async function costOf(
  sender: ServerProcess,
  others: ServerProcess,
  peers: number,
  events: number,
): Promise<Cost> {
  const processes = [sender, others]
  const send = async (count: number) => {
    for (let i = 0; i < count; i += 1) await sender.send('stream=bench', [MESSAGE])
  }
  const during = async (work: () => Promise<unknown>) => {
    const start = performance.now()
    const before = processes.map((each) => each.cpu())
    await work()
    const microseconds = processes.map((each, i) => each.cpu(before[i]).nanoseconds / 1_000)
    return { microseconds, ms: performance.now() - start }
  }
  await send(events)
  const idle = await during(() => new Promise((resolve) => setTimeout(resolve, IDLE_MS)))
  const busy = await during(() => send(events))
  const [own = 0, theirs = 0] = busy.microseconds.map(
    (each, i) => (each - ((idle.microseconds[i] as number) * busy.ms) / idle.ms) / events / peers,
  )
  return { sender: own, peers: theirs }
}
