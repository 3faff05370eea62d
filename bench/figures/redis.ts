// Figure 9: sser between Pods against Redis pub/sub between the same Pods; needs a redis-server.
import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { until } from '../../test/support/until.ts'
import type { BenchOptions } from '../harness/options.ts'
import { programPath } from '../harness/program-path.ts'
import { median, type Table } from '../harness/table.ts'
import { StreamClient } from '../pods/client.ts'
import { textOf } from '../pods/event.ts'
import { addresses, cpuOf, type PodProcess, quantile, startPods } from '../pods.ts'

const BYTES = 100
const RATE = 1_000
const REDIS_PORT = 7149
/** Turns of sser and Redis, which alternate, so that other load of the machine affects both. */
const TURNS = 3

interface Way {
  /** Latency from send to a client of another Pod, in milliseconds. */
  p50: number
  p99: number
  /** CPU time of all Pods, and of Redis, for each event, in microseconds. */
  cpu: number
}

interface AgainstRedis {
  events: number
  redis: Way
  sser: Way
}

/** Measures three Pods with a client on each; one process sends and has the measured client. */
async function againstRedis(seconds = 12): Promise<AgainstRedis> {
  const [host = ''] = addresses(1)
  const server = spawn(
    'redis-server',
    ['--port', `${REDIS_PORT}`, '--bind', host, '--save', '', '--appendonly', 'no'],
    { stdio: 'ignore' },
  )
  const pods: PodProcess[] = []
  try {
    await until('redis-server listens', () => listens(host), 5_000)
    const viaRedis = await startPods('redis', addresses(3), { REDIS: `redis://${host}:${REDIS_PORT}` })
    pods.push(...viaRedis)
    const viaSser = await startPods('sser', addresses(3))
    pods.push(...viaSser)
    const count = Math.round((seconds * RATE) / TURNS / 2)
    await turn(viaRedis, RATE)
    await turn(viaSser, RATE)
    const redis: Turn[] = []
    const sser: Turn[] = []
    for (let i = 0; i < TURNS; i += 1) {
      redis.push(await turn(viaRedis, count, server))
      sser.push(await turn(viaSser, count))
    }
    return { events: count * TURNS, redis: summarise(redis), sser: summarise(sser) }
  } finally {
    await Promise.all(pods.map((pod) => pod.end()))
    server.kill('SIGTERM')
  }
}

export async function figure({ rounds, quick }: BenchOptions): Promise<Table> {
  const table: Table = {
    name: 'redis',
    title: 'Against Redis pub/sub between the Pods',
    columns: ['', 'p50, ms', 'p99, ms', 'CPU of an event, µs', 'p50 × Redis', 'p99 × Redis', 'CPU × Redis'],
    rows: [],
    notes: [],
    plots: [],
  }
  if (programPath('redis-server') === undefined)
    return { ...table, notes: ['Left out here, for want of redis-server.'] }
  const runs: AgainstRedis[] = []
  for (let round = 0; round < rounds; round += 1) runs.push(await againstRedis(quick ? 3 : 12))
  const of = (pick: (run: AgainstRedis) => number) => median(runs.map(pick))
  return {
    ...table,
    rows: [
      ['Redis pub/sub', of((r) => r.redis.p50), of((r) => r.redis.p99), of((r) => r.redis.cpu), 1, 1, 1],
      [
        '**sser on Node**',
        of((r) => r.sser.p50),
        of((r) => r.sser.p99),
        of((r) => r.sser.cpu),
        of((r) => r.sser.p50 / r.redis.p50),
        of((r) => r.sser.p99 / r.redis.p99),
        of((r) => r.sser.cpu / r.redis.cpu),
      ],
    ],
    notes: [
      `From send to a client of another of three Pods, ${RATE.toLocaleString('en-US')} events/s of ${BYTES} bytes; CPU of all Pods, and of the Redis. The median of ${rounds} rounds.`,
    ],
  }
}

interface Turn {
  latencies: number[]
  cpuMs: number
}

async function turn(pods: readonly PodProcess[], count: number, server?: ChildProcess): Promise<Turn> {
  const [sender, timed, other] = pods as [PodProcess, PodProcess, PodProcess]
  const cpu = () =>
    pods.reduce((sum, pod) => sum + pod.cpu(), server === undefined ? 0 : cpuOf(server.pid as number))
  const clients = await Promise.all([sender, other].map(({ url }) => StreamClient.open(url)))
  const before = cpu()
  const { latencies = [] } = await sender.do({ do: 'pace', count, bytes: BYTES, rate: RATE, url: timed.url })
  await Promise.all(clients.map((client) => client.sees(textOf(count - 1, BYTES), 5_000)))
  const cpuMs = cpu() - before
  for (const client of clients) {
    client.close()
    client.arrivals(count, BYTES)
  }
  return { latencies, cpuMs }
}

function summarise(turns: readonly Turn[]): Way {
  const sorted = turns.flatMap(({ latencies }) => latencies).sort((a, b) => a - b)
  const cpu = turns.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), cpu: (cpu / sorted.length) * 1_000 }
}

function listens(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(REDIS_PORT, host, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
