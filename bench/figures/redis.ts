// sser between Pods against Redis pub/sub between the same Pods; needs a redis-server.
import type { BenchOptions } from '../harness/options.ts'
import { programPath } from '../harness/program-path.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'
import type { Target } from '../harness/target.ts'
import { StreamClient } from '../pods/client.ts'
import { textOf } from '../pods/event.ts'
import { type Fleet, withFleets } from '../pods/fleets.ts'
import { warmUp, warmUpCount } from '../pods/warm-up.ts'
import { type PodProcess, quantile } from '../pods.ts'

const BYTES = 100
/** Events of a round at least, because p99 of fewer is about one event. */
const MIN_EVENTS = 400

/** One round of one fleet. */
interface Round {
  /** Latency from send to a client of another Pod, in milliseconds. */
  p50: number
  p99: number
  /** CPU time of all processes for each event, in microseconds. */
  cpu: number
}

/** Highest ratios to Redis to reach at a rate. */
type Most = Record<keyof Round, number>

/** The figure of `rate` events per second. */
export function redisAt(rate: number, most: Most): (options: BenchOptions) => Promise<Table> {
  return async (options) => {
    const { rounds, quick } = options
    const table: Table = {
      name: `redis-${rate}`,
      title: `Redis pub/sub and sser, ${rate.toLocaleString('en-US')} events/s`,
      columns: ['', 'p50, ms', 'p99, ms', 'CPU of an event, µs', 'p50 × Redis', 'p99 × Redis', 'CPU × Redis'],
      rows: [],
      notes: [],
      plots: [],
    }
    if (programPath('redis-server') === undefined)
      return { ...table, notes: ['Left out here, for want of redis-server.'] }
    const count = Math.max(MIN_EVENTS, rate * (quick ? 1 : 4))
    const warmUps = warmUpCount(quick)
    const measured = await withFleets(options, async (fleets) => {
      for (const fleet of fleets) await warmUp(fleet, warmUps, BYTES)
      return inTurn(fleets, rate, count, rounds)
    })
    const of = (i: number, key: keyof Round) => measured[i]?.rounds.map((round) => round[key])
    const ratio = (i: number, to: number, key: keyof Round) => medianRatio(of(i, key), of(to, key))
    const keys = ['p50', 'p99', 'cpu'] as const
    return {
      ...table,
      rows: measured.map(({ name, rounds: all }, i) => [
        name,
        ...keys.map((key) => median(all.map((round) => round[key]))),
        ...keys.map((key) => ratio(i, 0, key)),
      ]),
      notes: [
        `From send to a client of another of three Pods, ${count.toLocaleString('en-US')} events of ${BYTES} bytes in a round, after ${warmUps.toLocaleString('en-US')} and a round to warm up; CPU of all Pods, and of the Redis. The median of ${rounds} rounds.`,
      ],
      targets: keys.flatMap((key): Target[] => {
        const figure = `${key === 'cpu' ? 'CPU' : key} at ${rate.toLocaleString('en-US')} events/s`
        return [
          {
            figure: `${figure}, to Redis pub/sub`,
            most: most[key],
            measured: ratio(1, 0, key),
            base: ratio(3, 0, key),
          },
          {
            figure: `${figure}, with \`peerSecret\` to without`,
            most: 1.1,
            measured: ratio(2, 1, key),
            base: ratio(4, 3, key),
          },
        ]
      }),
    }
  }
}

/** Measures the fleets in turn, so that other load of the machine affects all of them, after a round of each that does not count. */
async function inTurn(fleets: readonly Fleet[], rate: number, count: number, rounds: number) {
  const measured = fleets.map((fleet) => ({ name: fleet.name, fleet, rounds: [] as Round[] }))
  for (const { fleet } of measured) await turn(fleet, rate, count)
  for (let round = 0; round < rounds; round += 1)
    for (const each of measured) each.rounds.push(await turn(each.fleet, rate, count))
  return measured
}

/** One Pod sends, and has the measured client of another Pod, so that one clock measures both times. */
async function turn({ pods, cpu }: Fleet, rate: number, count: number): Promise<Round> {
  const [sender, timed, other] = pods as [PodProcess, PodProcess, PodProcess]
  const clients = await Promise.all([sender, other].map(({ url }) => StreamClient.open(url)))
  const before = cpu()
  const { latencies = [] } = await sender.do({ do: 'pace', count, bytes: BYTES, rate, url: timed.url })
  await Promise.all(clients.map((client) => client.sees(textOf(count - 1, BYTES), 30_000)))
  const cpuMs = cpu() - before
  for (const client of clients) {
    client.close()
    client.arrivals(count, BYTES)
  }
  const sorted = latencies.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), cpu: (cpuMs / count) * 1_000 }
}
