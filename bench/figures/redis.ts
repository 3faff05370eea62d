// node bench/figures/redis.ts: sser between Pods against Redis pub/sub between the same; needs a redis-server.
import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { until } from '../../test/until.ts'
import { StreamClient } from '../pods/client.ts'
import { textOf } from '../pods/event.ts'
import { addresses, cpuOf, type PodProcess, quantile, startPods } from '../pods.ts'

const BYTES = 100
const RATE = 1_000
const REDIS_PORT = 7149
/** The two take turns, so that what else runs on the machine meets both. */
const TURNS = 3

interface Way {
  /** From send to a client of another Pod, in milliseconds. */
  p50: number
  p99: number
  /** Processor time of all Pods, and of the Redis, for each event, in microseconds. */
  cpu: number
}

export interface AgainstRedis {
  events: number
  redis: Way
  sser: Way
}

/** Three Pods with a client on each; one process sends and holds the client that is timed. */
export async function againstRedis(seconds = 12): Promise<AgainstRedis> {
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

export function printAgainstRedis({ events, redis, sser }: AgainstRedis): string {
  const row = ({ p50, p99, cpu }: Way) =>
    `p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms   ${cpu.toFixed(0).padStart(4)} µs of CPU an event, all processes`
  return [
    `send() to a client of another of three Pods, ${RATE} events/s, ${events} events, all of it verified`,
    `  Redis pub/sub   ${row(redis)}`,
    `  sser            ${row(sser)}`,
    `  sser / Redis    p50 ${(sser.p50 / redis.p50).toFixed(2)} ×   p99 ${(sser.p99 / redis.p99).toFixed(2)} ×   CPU ${(sser.cpu / redis.cpu).toFixed(2)} ×`,
  ].join('\n')
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

if (import.meta.main) console.log(printAgainstRedis(await againstRedis()))
