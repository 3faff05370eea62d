// CPU of one event in fleets of many Pods, for each peer.
import type { BenchOptions } from '../harness/options.ts'
import { ServerProcess } from '../harness/server-process.ts'
import { growing, withBase } from '../harness/servers.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'

/** Fleets: their Pods, and whether the peers know each other, or the sender alone. */
const FLEETS = [
  { pods: 10, isMesh: true },
  { pods: 10, isMesh: false },
  { pods: 50, isMesh: false },
]
const MESSAGE = Buffer.from('x'.repeat(100))
/** Events times peers, so that the compilers have done the same work in each fleet. */
const MESSAGES = 2_000
const QUICK_MESSAGES = 500
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
    FLEETS.map((fleet) => ({ name: server.name, fleet, i, costs: [] as Cost[] })),
  )
  const messages = options.quick ? QUICK_MESSAGES : MESSAGES
  for (let round = 0; round < rounds; round += 1) {
    for (const { fleet, i, costs } of cases) {
      const others = await ServerProcess.start(peers[i] as (typeof peers)[0], fleet)
      try {
        const sender = await ServerProcess.start(senders[i] as (typeof senders)[0], fleet)
        try {
          costs.push(await costOf(sender, others, fleet.pods - 1, messages))
        } finally {
          await sender.stop()
        }
      } finally {
        await others.stop()
      }
    }
  }
  const [mesh, few, many, meshOfBase, fewOfBase, manyOfBase] = cases.map(({ costs }) =>
    costs.map(({ sender }) => sender),
  )
  return {
    name: 'peers',
    title: 'CPU of an event for each peer',
    columns: ['', 'Pods', 'peers know', 'of the sender, µs', 'of a peer, µs'],
    rows: cases.map(({ name, fleet, costs }) => [
      name,
      fleet.pods,
      fleet.isMesh ? 'each other' : 'the sender',
      median(costs.map(({ sender }) => sender)),
      median(costs.map((each) => each.peers)),
    ]),
    notes: [
      `${messages.toLocaleString('en-US')} messages, as events of 100 bytes times peers, after as many to warm up; each event is sent when all peers have acknowledged the one before. Less the CPU of the idle fleet in the same time. No clients. The other Pods are instances in one process; where they know the sender alone, they have no links to each other, which the sender has no part in. The median of ${rounds} rounds, each in fresh processes.`,
    ],
    plots: [],
    targets: [
      {
        figure: `CPU per event and peer at ${FLEETS[0]?.pods} Pods, to \`--base\``,
        most: 0.3,
        measured: medianRatio(mesh, meshOfBase),
        base: meshOfBase && 1,
      },
      {
        figure: `CPU per event and peer at ${FLEETS.at(-1)?.pods} Pods, to \`--base\``,
        most: 0.3,
        measured: medianRatio(many, manyOfBase),
        base: manyOfBase && 1,
      },
      {
        figure: `CPU per event and peer at ${FLEETS.at(-1)?.pods} Pods, to ${FLEETS[0]?.pods}`,
        most: 1,
        measured: medianRatio(many, few),
        base: manyOfBase && medianRatio(manyOfBase, fewOfBase),
      },
    ],
  }
}

async function costOf(
  sender: ServerProcess,
  others: ServerProcess,
  peers: number,
  messages: number,
): Promise<Cost> {
  const events = Math.ceil(messages / peers)
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
